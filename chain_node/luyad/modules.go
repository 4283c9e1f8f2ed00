package main

import (
	"slices"

	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/client/grpc/cmtservice"
	"github.com/cosmos/cosmos-sdk/client/grpc/node"
	"github.com/cosmos/cosmos-sdk/runtime"
	"github.com/cosmos/cosmos-sdk/server/api"
	srvconfig "github.com/cosmos/cosmos-sdk/server/config"
	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	"github.com/cosmos/cosmos-sdk/types/module"
	"github.com/cosmos/cosmos-sdk/x/auth"
	authkeeper "github.com/cosmos/cosmos-sdk/x/auth/keeper"
	authtx "github.com/cosmos/cosmos-sdk/x/auth/tx"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	"github.com/cosmos/cosmos-sdk/x/bank"
	bankkeeper "github.com/cosmos/cosmos-sdk/x/bank/keeper"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	"github.com/cosmos/cosmos-sdk/x/consensus"
	consensuskeeper "github.com/cosmos/cosmos-sdk/x/consensus/keeper"
	consensustypes "github.com/cosmos/cosmos-sdk/x/consensus/types"

	evmaddress "github.com/cosmos/evm/encoding/address"
	precompiletypes "github.com/cosmos/evm/precompiles/types"
	"github.com/cosmos/evm/x/feemarket"
	feemarketkeeper "github.com/cosmos/evm/x/feemarket/keeper"
	feemarkettypes "github.com/cosmos/evm/x/feemarket/types"
	"github.com/cosmos/evm/x/vm"
	evmkeeper "github.com/cosmos/evm/x/vm/keeper"
	evmtypes "github.com/cosmos/evm/x/vm/types"
)

// makeKeepers builds the stores' keys and the modules' keepers. No module's settings can be changed by a message:
// the authority is an address nobody holds, and the ante handler lets only Ethereum transactions in.
func (a *App) makeKeepers(logger log.Logger, evmChainID uint64, tracer string) {
	a.keys = storetypes.NewKVStoreKeys(authtypes.StoreKey, banktypes.StoreKey, consensustypes.StoreKey,
		evmtypes.StoreKey, feemarkettypes.StoreKey, inForceStoreKey)
	a.objectKeys = storetypes.NewObjectStoreKeys(banktypes.ObjectStoreKey, evmtypes.ObjectKey)
	var all []storetypes.StoreKey
	for _, k := range a.keys {
		all = append(all, k)
	}
	for _, k := range a.objectKeys {
		all = append(all, k)
	}
	authority := authtypes.NewModuleAddress("luya-authority")
	holder := authority.String()

	a.Consensus = consensuskeeper.NewKeeper(a.cdc, runtime.NewKVStoreService(a.keys[consensustypes.StoreKey]), holder,
		runtime.EventService{})
	a.SetParamStore(a.Consensus.ParamsStore)
	a.Account = authkeeper.NewAccountKeeper(a.cdc, runtime.NewKVStoreService(a.keys[authtypes.StoreKey]),
		authtypes.ProtoBaseAccount, map[string][]string{
			authtypes.FeeCollectorName: nil,
			evmtypes.ModuleName:        {authtypes.Minter, authtypes.Burner},
			feemarkettypes.ModuleName:  nil,
		}, evmaddress.NewEvmCodec(bech32), bech32, holder)
	a.Bank = bankkeeper.NewBaseKeeper(a.cdc, runtime.NewKVStoreService(a.keys[banktypes.StoreKey]), a.Account,
		map[string]bool{}, holder, logger).WithObjStoreKey(a.objectKeys[banktypes.ObjectStoreKey])
	a.FeeMarket = feemarketkeeper.NewKeeper(a.cdc, authority, a.keys[feemarkettypes.StoreKey])
	a.EVM = evmkeeper.NewKeeper(a.cdc, a.keys[evmtypes.StoreKey], a.objectKeys[evmtypes.ObjectKey], all, authority,
		a.Account, a.Bank, noStaking{}, a.FeeMarket, &a.Consensus, nil, evmChainID, tracer).
		// Without the static precompiles a call of sha256 at 0x02 panics and its transaction has no receipt.
		WithStaticPrecompiles(precompiletypes.NewStaticPrecompiles().WithPraguePrecompiles())
	a.EVM.EnableVirtualFeeCollection()
}

// makeModules puts the modules in the order in which they work at genesis and at a block's begin and end.
func (a *App) makeModules() error {
	a.vmModule = vm.NewAppModule(a.EVM, a.Account, a.Bank, a.Account.AddressCodec())
	a.mm = module.NewManager(
		auth.NewAppModule(a.cdc, a.Account, nil, nil),
		bank.NewAppModule(a.cdc, a.Bank, a.Account, nil),
		consensus.NewAppModule(a.cdc, a.Consensus),
		a.vmModule,
		feemarket.NewAppModule(a.FeeMarket),
	)
	a.basics = module.NewBasicManagerFromManager(a.mm, nil)
	a.basics.RegisterLegacyAminoCodec(a.amino)
	a.basics.RegisterInterfaces(a.registry)
	order := []string{authtypes.ModuleName, banktypes.ModuleName, consensustypes.ModuleName, feemarkettypes.ModuleName,
		evmtypes.ModuleName}
	a.mm.SetOrderPreBlockers(authtypes.ModuleName, evmtypes.ModuleName)
	a.mm.SetOrderBeginBlockers(order...)
	a.mm.SetOrderEndBlockers(banktypes.ModuleName, authtypes.ModuleName, consensustypes.ModuleName, evmtypes.ModuleName,
		feemarkettypes.ModuleName)
	// There is no base fee, so the fee market has nothing to keep; its end of a block would write to disk in each, and
	// the library's manager wants every module in an order that is set through it.
	a.mm.OrderEndBlockers = slices.DeleteFunc(a.mm.OrderEndBlockers, func(name string) bool { return name == feemarkettypes.ModuleName })
	a.mm.SetOrderInitGenesis(order...)
	a.mm.SetOrderExportGenesis(order...)
	return a.mm.RegisterServices(module.NewConfigurator(a.cdc, a.MsgServiceRouter(), a.GRPCQueryRouter()))
}

// RegisterAPIRoutes, RegisterTxService, RegisterTendermintService and RegisterNodeService serve the queries that the
// Ethereum JSON-RPC makes inside this process.
func (a *App) RegisterAPIRoutes(s *api.Server, _ srvconfig.APIConfig) {
	authtx.RegisterGRPCGatewayRoutes(s.ClientCtx, s.GRPCGatewayRouter)
	cmtservice.RegisterGRPCGatewayRoutes(s.ClientCtx, s.GRPCGatewayRouter)
	a.basics.RegisterGRPCGatewayRoutes(s.ClientCtx, s.GRPCGatewayRouter)
}

func (a *App) RegisterTxService(c client.Context) {
	authtx.RegisterTxService(a.GRPCQueryRouter(), c, a.Simulate, a.registry)
}

func (a *App) RegisterTendermintService(c client.Context) {
	cmtservice.RegisterTendermintService(c, a.GRPCQueryRouter(), a.registry, a.Query)
}

func (a *App) RegisterNodeService(c client.Context, cfg srvconfig.Config) {
	node.RegisterNodeService(c, a.GRPCQueryRouter(), cfg, func() int64 { return a.CommitMultiStore().EarliestVersion() })
}
