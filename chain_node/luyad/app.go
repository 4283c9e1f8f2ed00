package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/spf13/cast"

	abci "github.com/cometbft/cometbft/abci/types"
	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"

	"cosmossdk.io/log/v2"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/cosmos/cosmos-sdk/baseapp"
	"github.com/cosmos/cosmos-sdk/baseapp/txnrunner"
	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/codec"
	codectypes "github.com/cosmos/cosmos-sdk/codec/types"
	servertypes "github.com/cosmos/cosmos-sdk/server/types"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	authkeeper "github.com/cosmos/cosmos-sdk/x/auth/keeper"
	bankkeeper "github.com/cosmos/cosmos-sdk/x/bank/keeper"
	consensuskeeper "github.com/cosmos/cosmos-sdk/x/consensus/keeper"

	evmencoding "github.com/cosmos/evm/encoding"
	srvflags "github.com/cosmos/evm/server/flags"
	feemarketkeeper "github.com/cosmos/evm/x/feemarket/keeper"
	"github.com/cosmos/evm/x/vm"
	evmkeeper "github.com/cosmos/evm/x/vm/keeper"
	vmrunner "github.com/cosmos/evm/x/vm/runner"
)

// App is the state machine: the EVM and the few modules it needs. There is one a process: the EVM library keeps
// its chain configuration in a package variable.
type App struct {
	*baseapp.BaseApp
	cdc        codec.Codec
	amino      *codec.LegacyAmino
	registry   codectypes.InterfaceRegistry
	txConfig   client.TxConfig
	keys       map[string]*storetypes.KVStoreKey
	objectKeys map[string]*storetypes.ObjectStoreKey

	Account   authkeeper.AccountKeeper
	Bank      bankkeeper.Keeper
	Consensus consensuskeeper.Keeper
	FeeMarket feemarketkeeper.Keeper
	EVM       *evmkeeper.Keeper

	mm             *module.Manager
	basics         module.BasicManager
	vmModule       vm.AppModule
	mempool        *guardedMempool
	pendingTxHooks []func(common.Hash)
	peers          *peerList
	metrics        *metrics
	lastRefusal    atomic.Pointer[string] // why the contract's validator set is refused, nil when it is not
	lastBlockTime  atomic.Pointer[time.Time]
	closeOnce      sync.Once
	closeErr       error
}

// evmChainIDFrom reads the network's EVM chain id from the settings (app.toml, [evm] evm-chain-id).
func evmChainIDFrom(opts servertypes.AppOptions) (uint64, error) {
	id := cast.ToUint64(opts.Get(srvflags.EVMChainID))
	if id == 0 || id >= maxEVMChainID {
		return 0, fmt.Errorf("app.toml: [evm] evm-chain-id must be within 1 and 2^53-1, it is %d: run 'luyad configure'", id)
	}
	return id, nil
}

// newApp wires the modules over db. With load it stands on the latest state and takes transactions; without, only
// what needs no state may be asked of it (default genesis, rollback).
func newApp(logger log.Logger, db dbm.DB, opts servertypes.AppOptions, load bool, baseOpts ...func(*baseapp.BaseApp)) (*App, error) {
	chainID, err := evmChainIDFrom(opts)
	if err != nil {
		return nil, err
	}
	enc := evmencoding.MakeConfig(chainID)
	txDecoder := enc.TxConfig.TxDecoder()
	// Optimistic execution runs the proposed block while votes are gathered.
	baseOpts = append(baseOpts, baseapp.SetOptimisticExecution())
	b := baseapp.NewBaseApp(appName, logger, db, txDecoder, baseOpts...)
	b.SetVersion(appVersion)
	b.SetInterfaceRegistry(enc.InterfaceRegistry)
	b.SetTxEncoder(enc.TxConfig.TxEncoder())
	b.SetDisableBlockGasMeter(true)

	a := &App{BaseApp: b, cdc: enc.Codec, amino: enc.Amino, registry: enc.InterfaceRegistry, txConfig: enc.TxConfig,
		metrics: newMetrics()}
	a.makeKeepers(logger, chainID, cast.ToString(opts.Get(srvflags.EVMTracer)))
	if err := a.makeModules(); err != nil {
		return nil, err
	}
	a.MountKVStores(a.keys)
	a.MountObjectStores(a.objectKeys)
	a.setHandlers(opts)
	if !load {
		return a, nil
	}
	if err := a.setMempool(opts, logger); err != nil {
		return nil, err
	}
	if err := a.LoadLatestVersion(); err != nil {
		return nil, fmt.Errorf("loading the state: %w", err)
	}
	a.vmModule.HydrateGlobals(a.NewContextLegacy(true, cmtproto.Header{Height: a.LastBlockHeight(), ChainID: a.ChainID()}))
	vmrunner.SetRunner(b, txnrunner.NewDefaultRunner(txDecoder))
	return a, nil
}

// setHandlers hangs luyad's rules into the state machine.
func (a *App) setHandlers(opts servertypes.AppOptions) {
	a.SetInitChainer(a.initChain)
	a.SetPreBlocker(func(ctx sdk.Context, req *abci.RequestFinalizeBlock) (*sdk.ResponsePreBlock, error) {
		a.metrics.misbehaviour.Add(float64(len(req.Misbehavior)))
		return a.mm.PreBlock(ctx)
	})
	a.SetBeginBlocker(func(ctx sdk.Context) (sdk.BeginBlock, error) { return a.mm.BeginBlock(ctx) })
	a.SetEndBlocker(a.endBlock)
	a.SetAnteHandler(a.anteHandler(cast.ToUint64(opts.Get(srvflags.EVMMaxTxGasWanted))))
	a.SetIDPeerFilter(a.filterPeer)
	a.peers = &peerList{
		listed:     a.isNodeListed,
		inGenesis:  genesisNodes(cast.ToString(opts.Get(flags.FlagHome))),
		configured: peerIDs(splitPeers(cast.ToString(opts.Get("p2p.persistent_peers")))),
		blockTime:  a.blockTime,
		pause:      cast.ToDuration(opts.Get("consensus.timeout_commit")),
		now:        now,
	}
}

// initChain loads the modules' state. The first validators are those of CometBFT's genesis, which must be the
// contract's.
func (a *App) initChain(ctx sdk.Context, req *abci.RequestInitChain) (*abci.ResponseInitChain, error) {
	var state map[string]json.RawMessage
	if err := json.Unmarshal(req.AppStateBytes, &state); err != nil {
		return nil, fmt.Errorf("genesis: app_state: %w", err)
	}
	for _, name := range a.mm.OrderInitGenesis {
		if state[name] == nil {
			continue
		}
		switch m := a.mm.Modules[name].(type) {
		case module.HasABCIGenesis:
			m.InitGenesis(ctx, a.cdc, state[name])
		case module.HasGenesis:
			m.InitGenesis(ctx, a.cdc, state[name])
		}
	}
	if err := a.initValidators(ctx, req.Validators); err != nil {
		return nil, err
	}
	return &abci.ResponseInitChain{Validators: req.Validators}, nil
}

// endBlock applies what the block's transactions changed in the genesis contracts.
func (a *App) endBlock(ctx sdk.Context) (sdk.EndBlock, error) {
	res, err := a.mm.EndBlock(ctx)
	if err != nil {
		return res, err
	}
	if err := a.mirrorDeployers(ctx); err != nil {
		return res, err
	}
	res.ValidatorUpdates = a.updateValidators(ctx)
	at := ctx.BlockTime()
	a.lastBlockTime.Store(&at)
	a.metrics.height.Set(float64(ctx.BlockHeight()))
	a.metrics.blockTime.Set(float64(at.Unix()))
	return res, nil
}

// blockTime is the time of the last block that this process executed; zero when it executed none.
func (a *App) blockTime() time.Time {
	if at := a.lastBlockTime.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// latest is a context on the latest committed state, also right after a start, when no block has run yet. Before the
// first block there is none: an error.
func (a *App) latest() (sdk.Context, error) {
	return a.CreateQueryContextWithCheckHeader(0, false, false)
}

// isNodeListed asks the latest committed state.
func (a *App) isNodeListed(id [20]byte) (bool, error) {
	ctx, err := a.latest()
	if err != nil {
		return false, err
	}
	return nodeListed(a.storage(ctx, validatorsAddress), id), nil
}

// RegisterPendingTxListener serves eth_subscribe("newPendingTransactions").
func (a *App) RegisterPendingTxListener(f func(common.Hash)) {
	a.pendingTxHooks = append(a.pendingTxHooks, f)
}

// Close ends the mempool's work and closes the databases, once: the pool would wait for ever the second time.
func (a *App) Close() error {
	a.closeOnce.Do(func() {
		if a.mempool != nil {
			a.closeErr = a.mempool.Close()
		}
		a.closeErr = errors.Join(a.closeErr, a.BaseApp.Close())
	})
	return a.closeErr
}
