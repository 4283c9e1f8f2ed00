package main

import (
	"github.com/ethereum/go-ethereum/common"
	ethtypes "github.com/ethereum/go-ethereum/core/types"

	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	evmante "github.com/cosmos/evm/ante"
	evmmono "github.com/cosmos/evm/ante/evm"
	evmtypes "github.com/cosmos/evm/x/vm/types"
)

// anteHandler decides what may enter a block. It runs when a transaction is checked, when a block is proposed,
// when a proposal is judged and when a block is executed: the same rules each time, on the state of that moment.
func (a *App) anteHandler(maxGasWanted uint64) sdk.AnteHandler {
	listener := evmante.NewTxListenerDecorator(func(h common.Hash) {
		for _, hook := range a.pendingTxHooks {
			hook(h)
		}
	})
	return func(ctx sdk.Context, tx sdk.Tx, simulate bool) (sdk.Context, error) {
		msg, err := ethereumMessage(tx)
		if err != nil {
			return ctx, err
		}
		if err := a.admit(ctx, msg); err != nil {
			a.metrics.refused.WithLabelValues("ante").Inc()
			return ctx, err
		}
		evmParams, feeParams := a.EVM.GetParams(ctx), a.FeeMarket.GetParams(ctx)
		mono := evmmono.NewEVMMonoDecorator(a.Account, a.FeeMarket, a.EVM, maxGasWanted, &evmParams, &feeParams)
		return sdk.ChainAnteDecorators(mono, listener)(ctx, tx, simulate)
	}
}

// ethereumMessage gives the one Ethereum transaction that tx carries; nothing else is accepted.
func ethereumMessage(tx sdk.Tx) (*evmtypes.MsgEthereumTx, error) {
	msgs := tx.GetMsgs()
	if len(msgs) != 1 {
		return nil, sdkerrors.ErrInvalidRequest.Wrapf("one Ethereum transaction expected, got %d messages", len(msgs))
	}
	msg, ok := msgs[0].(*evmtypes.MsgEthereumTx)
	if !ok {
		return nil, sdkerrors.ErrInvalidRequest.Wrapf("only Ethereum transactions are accepted, got %T", msgs[0])
	}
	return msg, nil
}

// admit refuses what this network does not allow, whatever the EVM would say. The sender is the one the message
// claims: the library's decorator, which follows, holds it against the signature.
func (a *App) admit(ctx sdk.Context, msg *evmtypes.MsgEthereumTx) error {
	tx := msg.AsTransaction()
	if tx == nil {
		return sdkerrors.ErrInvalidRequest.Wrap("no Ethereum transaction in the message")
	}
	if tx.Type() == ethtypes.SetCodeTxType {
		// An account with code could be called by anybody and would create contracts with its owner's permission.
		return sdkerrors.ErrInvalidRequest.Wrap("set-code transactions (EIP-7702) are not accepted on this network")
	}
	return a.checkPermission(ctx, common.BytesToAddress(msg.GetFrom()), tx.To())
}
