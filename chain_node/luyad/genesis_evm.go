package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core"
	"github.com/ethereum/go-ethereum/core/state"
	"github.com/ethereum/go-ethereum/core/tracing"
	ethtypes "github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/core/vm"
	"github.com/ethereum/go-ethereum/params"
	"github.com/holiman/uint256"

	evmtypes "github.com/cosmos/evm/x/vm/types"
)

// builtContract is what a plan's contract has become: its code and its non-zero storage.
type builtContract struct {
	Address common.Address
	Code    []byte
	Storage map[common.Hash]common.Hash
}

// read gives a built contract's words.
func (c builtContract) read(slot common.Hash) common.Hash { return c.Storage[slot] }

// builder runs a plan's constructors and calls in an EVM in memory. Init code is put at the contract's own address
// and *called* there: what it returns becomes the code, what it stored stays, and address(this) is right throughout.
type builder struct {
	state   *state.StateDB
	evm     *vm.EVM
	rules   params.Rules
	planned map[common.Address]bool
	written map[common.Address]map[common.Hash]bool
	strange common.Address // a contract that was created and is not in the plan
}

func newBuilder(p *plan) (*builder, error) {
	db, err := state.New(ethtypes.EmptyRootHash, state.NewDatabaseForTesting())
	if err != nil {
		return nil, err
	}
	b := &builder{state: db, planned: map[common.Address]bool{}, written: map[common.Address]map[common.Hash]bool{}}
	for _, c := range p.Contracts {
		b.planned[c.Address] = true
	}
	hooks := &tracing.Hooks{
		OnStorageChange: func(a common.Address, slot, _, _ common.Hash) {
			if b.written[a] == nil {
				b.written[a] = map[common.Hash]bool{}
			}
			b.written[a][slot] = true
		},
		OnCodeChange: func(a common.Address, _ common.Hash, _ []byte, _ common.Hash, _ []byte) {
			if !b.planned[a] {
				b.strange = a
			}
		},
	}
	config := evmtypes.DefaultChainConfig(p.EVMChainID).EthereumConfig(nil)
	block := vm.BlockContext{
		CanTransfer: core.CanTransfer,
		Transfer:    core.Transfer,
		GetHash:     func(uint64) common.Hash { return common.Hash{} },
		GasLimit:    uint64(p.MaxGas),
		BlockNumber: new(big.Int),
		// The genesis time, not zero: AccessManager takes a grant made at time 0 for none.
		Time:       uint64(p.GenesisTime.Unix()),
		Difficulty: new(big.Int),
		BaseFee:    new(big.Int),
		Random:     &common.MaxHash,
	}
	b.evm = vm.NewEVM(block, state.NewHookedState(db, hooks), config, vm.Config{Tracer: hooks, NoBaseFee: true})
	b.rules = config.Rules(block.BlockNumber, true, block.Time)
	return b, nil
}

// call runs code at to; the whole block's gas is there for it.
func (b *builder) call(from, to common.Address, data []byte) ([]byte, error) {
	b.state.Prepare(b.rules, from, common.Address{}, &to, vm.ActivePrecompiles(b.rules), nil)
	b.evm.SetTxContext(vm.TxContext{Origin: from, GasPrice: new(uint256.Int)})
	out, _, err := b.evm.Call(from, to, data, b.evm.Context.GasLimit, new(uint256.Int))
	if errors.Is(err, vm.ErrExecutionReverted) {
		return nil, fmt.Errorf("reverted with 0x%x", out)
	}
	if err == nil && b.strange != (common.Address{}) {
		err = fmt.Errorf("it created a contract at %s, which is not in the plan", b.strange)
	}
	b.state.Finalise(true) // clears transient storage and the refund counter as a transaction's end does
	return out, err
}

// construct runs a contract's init code at its address and puts the code that it returns there.
func (b *builder) construct(c planContract) error {
	from := common.Address{}
	if c.From != nil {
		from = *c.From
	}
	b.state.CreateAccount(c.Address)
	b.state.SetNonce(c.Address, 1, tracing.NonceChangeGenesis)
	b.state.SetCode(c.Address, c.InitCode, tracing.CodeChangeGenesis)
	code, err := b.call(from, c.Address, nil)
	switch {
	case err != nil:
		return err
	case len(code) == 0:
		return errors.New("the init code returned no code")
	case len(code) > params.MaxCodeSize:
		return fmt.Errorf("its code has %d bytes, more than %d", len(code), params.MaxCodeSize)
	case code[0] == 0xef:
		return errors.New("its code starts with 0xef")
	}
	b.state.SetCode(c.Address, code, tracing.CodeChangeGenesis)
	return nil
}

// buildContracts runs the whole plan and gives the contracts in the order of their addresses.
func buildContracts(p *plan) ([]builtContract, error) {
	b, err := newBuilder(p)
	if err != nil {
		return nil, err
	}
	for i, c := range p.Contracts {
		if err := b.construct(c); err != nil {
			return nil, fmt.Errorf("plan: contracts[%d] at %s: %w", i, c.Address, err)
		}
	}
	for i, c := range p.Calls {
		if len(b.state.GetCode(c.To)) == 0 {
			return nil, fmt.Errorf("plan: calls[%d]: no contract at %s", i, c.To)
		}
		if _, err := b.call(c.From, c.To, c.Data); err != nil {
			return nil, fmt.Errorf("plan: calls[%d] to %s: %w", i, c.To, err)
		}
	}
	var built []builtContract
	for _, c := range p.Contracts {
		out := builtContract{Address: c.Address, Code: b.state.GetCode(c.Address), Storage: map[common.Hash]common.Hash{}}
		for slot := range b.written[c.Address] {
			if value := b.state.GetState(c.Address, slot); value != (common.Hash{}) {
				out.Storage[slot] = value
			}
		}
		built = append(built, out)
	}
	slices.SortFunc(built, func(x, y builtContract) int { return bytes.Compare(x.Address[:], y.Address[:]) })
	return built, nil
}

// genesisAccount spells a built contract as the EVM module's genesis wants it, slots in ascending order.
func (c builtContract) genesisAccount() evmtypes.GenesisAccount {
	out := evmtypes.GenesisAccount{Address: c.Address.Hex(), Code: common.Bytes2Hex(c.Code)}
	slots := slices.SortedFunc(maps.Keys(c.Storage), func(x, y common.Hash) int { return bytes.Compare(x[:], y[:]) })
	for _, slot := range slots {
		out.Storage = append(out.Storage, evmtypes.NewState(slot, c.Storage[slot]))
	}
	return out
}
