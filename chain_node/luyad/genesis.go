package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ethereum/go-ethereum/common"

	"github.com/cometbft/cometbft/crypto/ed25519"
	cmttypes "github.com/cometbft/cometbft/types"

	"cosmossdk.io/log/v2"
	"cosmossdk.io/math"
	dbm "github.com/cosmos/cosmos-db"

	sdk "github.com/cosmos/cosmos-sdk/types"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"
	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"
	genutiltypes "github.com/cosmos/cosmos-sdk/x/genutil/types"

	srvflags "github.com/cosmos/evm/server/flags"
	feemarkettypes "github.com/cosmos/evm/x/feemarket/types"
	evmtypes "github.com/cosmos/evm/x/vm/types"
)

// settings is a handful of options for an app that is not started from app.toml.
type settings map[string]any

func (s settings) Get(key string) any { return s[key] }

// makeGenesis turns a plan into the genesis document. It is deterministic: the same plan gives the same bytes.
func makeGenesis(p *plan) ([]byte, error) {
	built, err := buildContracts(p)
	if err != nil {
		return nil, err
	}
	deployers, err := checkBuilt(p, built)
	if err != nil {
		return nil, err
	}
	a, err := newApp(log.NewNopLogger(), dbm.NewMemDB(), settings{srvflags.EVMChainID: p.EVMChainID}, false)
	if err != nil {
		return nil, err
	}
	state, err := a.genesisState(built, deployers, p.BlockHashes)
	if err != nil {
		return nil, err
	}
	raw, err := json.MarshalIndent(state, "", " ")
	if err != nil {
		return nil, err
	}
	set, err := p.validators()
	if err != nil {
		return nil, err
	}
	doc := &genutiltypes.AppGenesis{AppName: appName, AppVersion: appVersion, GenesisTime: p.GenesisTime.UTC(),
		ChainID: p.ChainID, InitialHeight: 1, AppState: raw, Consensus: &genutiltypes.ConsensusGenesis{Params: p.consensus()}}
	for i, v := range set {
		key := ed25519.PubKey(v.Key[:])
		doc.Consensus.Validators = append(doc.Consensus.Validators, cmttypes.GenesisValidator{
			Address: key.Address(), PubKey: key, Power: int64(v.Power), Name: p.Validators[i].Name})
	}
	if err := doc.ValidateAndComplete(); err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	out, err := json.MarshalIndent(doc, "", " ")
	return append(out, '\n'), err
}

// consensus gives the limits of a block.
func (p *plan) consensus() *cmttypes.ConsensusParams {
	params := cmttypes.DefaultConsensusParams()
	params.Block.MaxGas = p.MaxGas
	params.Block.MaxBytes = p.MaxBytes
	params.Evidence.MaxBytes = min(params.Evidence.MaxBytes, p.MaxBytes)
	return params
}

// checkBuilt holds what the contracts hold after all calls against what the plan says they should, and gives the
// deployers.
func checkBuilt(p *plan, built []builtContract) ([]string, error) {
	at := map[common.Address]builtContract{}
	for _, c := range built {
		at[c.Address] = c
	}
	wanted, err := p.validators()
	if err != nil {
		return nil, err
	}
	got, err := readValidators(at[validatorsAddress].read)
	if err != nil {
		return nil, fmt.Errorf("plan: after all calls the Validators contract's set cannot be used: %w", err)
	}
	if !slices.Equal(sorted(got), sorted(wanted)) {
		return nil, fmt.Errorf("plan: after all calls the Validators contract holds %s, not the plan's validators %s",
			spell(got), spell(wanted))
	}
	wantedNodes, err := p.nodes()
	if err != nil {
		return nil, err
	}
	gotNodes, err := readNodes(at[validatorsAddress].read)
	if err != nil {
		return nil, err
	}
	if len(wantedNodes) > 0 && !maps.Equal(gotNodes, wantedNodes) {
		return nil, fmt.Errorf("plan: after all calls the Validators contract lists %d nodes, not the plan's %d",
			len(gotNodes), len(wantedNodes))
	}
	deployers, err := readDeployers(at[permissionsAddress].read)
	if err != nil {
		return nil, fmt.Errorf("plan: after all calls the Permissions contract cannot be used: %w", err)
	}
	return deployers, nil
}

func sorted(set []validator) []validator {
	return slices.SortedFunc(slices.Values(set), func(x, y validator) int { return bytes.Compare(x.Key[:], y.Key[:]) })
}

func spell(set []validator) string {
	parts := make([]string, len(set))
	for i, v := range set {
		parts[i] = fmt.Sprintf("%x: power %d, organisation %d", v.Key, v.Power, v.Organisation)
	}
	return "[" + strings.Join(parts, "; ") + "]"
}

// genesisState gives the modules' state: no coins, base fee and gas price zero, the contracts in place. Without the
// EIP-2935 contract an empty block changes no word of the EVM's state, which more than halves what it takes on disk.
func (a *App) genesisState(built []builtContract, deployers []string, blockHashes bool) (map[string]json.RawMessage, error) {
	gs := a.basics.DefaultGenesis(a.cdc)
	bank := banktypes.DefaultGenesisState()
	bank.DenomMetadata = []banktypes.Metadata{{Base: gasDenom, Display: "luya", Name: "Luya gas", Symbol: "LUYA",
		Description: "gas unit, none issued",
		DenomUnits:  []*banktypes.DenomUnit{{Denom: gasDenom, Exponent: 0}, {Denom: "luya", Exponent: 18}}}}
	gs[banktypes.ModuleName] = a.cdc.MustMarshalJSON(bank)

	fees := feemarkettypes.DefaultGenesisState()
	fees.Params.NoBaseFee = true
	fees.Params.MinGasMultiplier = math.LegacyZeroDec() // the default 0.5 bills at least half of the gas limit
	gs[feemarkettypes.ModuleName] = a.cdc.MustMarshalJSON(fees)

	evm := evmtypes.DefaultGenesisState()
	evm.Params.EvmDenom = gasDenom
	evm.Params.ExtendedDenomOptions = &evmtypes.ExtendedDenomOptions{ExtendedDenom: gasDenom}
	evm.Params.ActiveStaticPrecompiles = nil
	evm.Params.AccessControl = accessControl(deployers)
	if blockHashes {
		if evm.Preinstalls = blockHashPreinstall(); len(evm.Preinstalls) != 1 {
			return nil, errors.New("the EVM library's list has no EIP-2935 contract")
		}
	}
	accounts := make(authtypes.GenesisAccounts, len(built))
	for i, c := range built {
		evm.Accounts = append(evm.Accounts, c.genesisAccount())
		accounts[i] = authtypes.NewBaseAccount(sdk.AccAddress(c.Address.Bytes()), nil, uint64(i), 1)
	}
	if err := evm.Validate(); err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	gs[evmtypes.ModuleName] = a.cdc.MustMarshalJSON(evm)

	auth := authtypes.DefaultGenesisState()
	packed, err := authtypes.PackAccounts(accounts)
	if err != nil {
		return nil, err
	}
	auth.Accounts = packed
	gs[authtypes.ModuleName] = a.cdc.MustMarshalJSON(auth)
	return gs, nil
}

// blockHashPreinstall keeps only the EIP-2935 contract (the last blocks' hashes) from the library's list.
func blockHashPreinstall() (out []evmtypes.Preinstall) {
	for _, p := range evmtypes.DefaultPreinstalls {
		if strings.Contains(strings.ToLower(p.Name), "2935") {
			out = append(out, p)
		}
	}
	return out
}

// genesisNodes reads the nodes that a home's genesis lists; none when there is no genesis yet. The list is for the
// time before the first block, when there is no state to ask.
func genesisNodes(home string) map[[20]byte]bool {
	doc, err := genutiltypes.AppGenesisFromFile(filepath.Join(home, "config", "genesis.json"))
	if err != nil {
		return nil
	}
	var state struct {
		EVM struct {
			Accounts []evmtypes.GenesisAccount `json:"accounts"`
		} `json:"evm"`
	}
	if json.Unmarshal(doc.AppState, &state) != nil {
		return nil
	}
	for _, account := range state.EVM.Accounts {
		if common.HexToAddress(account.Address) != validatorsAddress {
			continue
		}
		words := map[common.Hash]common.Hash{}
		for _, s := range account.Storage {
			words[common.HexToHash(s.Key)] = common.HexToHash(s.Value)
		}
		nodes, err := readNodes(func(slot common.Hash) common.Hash { return words[slot] })
		if err != nil {
			return nil
		}
		listed := make(map[[20]byte]bool, len(nodes))
		for id := range nodes {
			listed[id] = true
		}
		return listed
	}
	return nil
}
