package main

import (
	"context"
	"sync"

	abci "github.com/cometbft/cometbft/abci/types"

	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/baseapp"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkmempool "github.com/cosmos/cosmos-sdk/types/mempool"

	evmmempool "github.com/cosmos/evm/mempool"
	evmserver "github.com/cosmos/evm/server"
)

// guardedMempool is the library's pool behind a door. The pool itself checks a transaction against the ante
// handler only after it has answered its sender, so the door refuses at once, with the reason, what is not allowed.
type guardedMempool struct {
	*evmmempool.Mempool
	app *App

	mu     sync.Mutex
	height int64       // of ctx
	ctx    sdk.Context // the latest committed state, kept as long as it is the latest
}

// Insert takes a transaction from the JSON-RPC.
func (m *guardedMempool) Insert(ctx context.Context, tx sdk.Tx) error {
	if err := m.check(tx); err != nil {
		return err
	}
	return m.Mempool.Insert(ctx, tx)
}

// check holds a new transaction against the permissions in the latest committed state. Before the first block
// there is none: then the ante handler alone decides.
func (m *guardedMempool) check(tx sdk.Tx) error {
	msg, err := ethereumMessage(tx)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if latest := m.app.LastBlockHeight(); m.height != latest || latest == 0 {
		ctx, err := m.app.latest()
		if err != nil {
			return nil //nolint:nilerr // no state yet
		}
		m.height, m.ctx = latest, ctx
	}
	if err := m.app.admit(m.ctx, msg); err != nil {
		m.app.metrics.refused.WithLabelValues("door").Inc()
		return err
	}
	return nil
}

// insertTx takes a transaction from a peer; checkTx one from CometBFT's own RPC.
func (m *guardedMempool) insertTx(inner sdk.InsertTxHandler) sdk.InsertTxHandler {
	return func(req *abci.RequestInsertTx) (*abci.ResponseInsertTx, error) {
		tx, err := m.app.TxDecode(req.GetTx())
		if err != nil || m.check(tx) != nil {
			return &abci.ResponseInsertTx{Code: evmmempool.CodeTypeNoRetry}, nil //nolint:nilerr // a bad transaction is the peer's fault, not ours
		}
		return inner(req)
	}
}

func (m *guardedMempool) checkTx(inner sdk.CheckTxHandler) sdk.CheckTxHandler {
	return func(run sdk.RunTx, req *abci.RequestCheckTx) (*abci.ResponseCheckTx, error) {
		tx, err := m.app.TxDecode(req.GetTx())
		if err == nil {
			err = m.check(tx)
		}
		if err != nil {
			return evmmempool.ErrAsCheckTxResponse(err), nil
		}
		return inner(run, req)
	}
}

// setMempool makes the pool and the proposal handlers over it.
func (a *App) setMempool(opts servertypes.AppOptions, logger log.Logger) error {
	cfg := evmserver.ResolveMempoolConfig(a.AnteHandler(), opts, logger)
	if err := evmserver.ValidateReapBounds(opts, cfg.BlockGasLimit); err != nil {
		return err
	}
	enc := evmmempool.NewTxEncoder(a.txConfig)
	pool := evmmempool.NewMempool(a.CreateQueryContext, logger, a.EVM, a.FeeMarket, a.txConfig,
		evmmempool.NewTxRechecker(cfg.AnteHandler, enc), evmmempool.NewTxRechecker(cfg.AnteHandler, enc), cfg,
		evmserver.GetCosmosPoolMaxTx(opts, logger))
	a.mempool = &guardedMempool{Mempool: pool, app: a}
	a.SetMempool(pool)
	a.setProposals(pool)
	a.SetInsertTxHandler(a.mempool.insertTx(pool.NewInsertTxHandler(a.TxDecode)))
	a.SetReapTxsHandler(pool.NewReapTxsHandler())
	a.SetCheckTxHandler(a.mempool.checkTx(pool.NewCheckTxHandler(a.TxDecode, evmserver.GetMempoolCheckTxTimeout(opts, logger))))
	a.SetPrepareCheckStater(func(sdk.Context) {
		if !pool.HasEventBus() {
			pool.NotifyNewBlock()
		}
	})
	return nil
}

// setProposals uses the same check when proposing and when judging a proposal. Without the Ethereum signer adapter
// the selector could skip a transaction that does not fit into the block and take a later nonce of the same sender:
// every validator would then reject every proposal, and the chain would stand still.
func (a *App) setProposals(pool sdkmempool.Mempool) {
	ph := baseapp.NewDefaultProposalHandler(pool, a.BaseApp)
	ph.SetSignerExtractionAdapter(evmmempool.NewEthSignerExtractionAdapter(sdkmempool.NewDefaultSignerExtractionAdapter()))
	a.SetPrepareProposal(ph.PrepareProposalHandler())
	judge := ph.ProcessProposalHandler()
	a.SetProcessProposal(func(ctx sdk.Context, req *abci.RequestProcessProposal) (*abci.ResponseProcessProposal, error) {
		observeProposal(req.Time)
		return judge(ctx, req)
	})
}
