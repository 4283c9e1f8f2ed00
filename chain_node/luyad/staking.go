package main

import (
	"context"
	"errors"

	"cosmossdk.io/core/address"

	sdk "github.com/cosmos/cosmos-sdk/types"
	stakingtypes "github.com/cosmos/cosmos-sdk/x/staking/types"

	evmaddress "github.com/cosmos/evm/encoding/address"
)

// noStaking satisfies the EVM module, which asks only who proposed the block: the answer is the validator's own
// consensus address, seen by contracts as block.coinbase.
type noStaking struct{}

func (noStaking) GetHistoricalInfo(context.Context, int64) (stakingtypes.HistoricalInfo, error) {
	return stakingtypes.HistoricalInfo{}, errors.New("this chain has no staking")
}

func (noStaking) GetValidatorByConsAddr(_ context.Context, c sdk.ConsAddress) (stakingtypes.Validator, error) {
	if len(c) != 20 {
		return stakingtypes.Validator{}, errors.New("a consensus address has 20 bytes")
	}
	return stakingtypes.Validator{OperatorAddress: sdk.ValAddress(c).String()}, nil
}

func (noStaking) ValidatorAddressCodec() address.Codec {
	return evmaddress.NewEvmCodec(bech32 + "valoper")
}

func (noStaking) BondDenom(context.Context) (string, error) { return gasDenom, nil }
