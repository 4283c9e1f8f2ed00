package main

import (
	"encoding/hex"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	"github.com/stretchr/testify/require"
)

func TestGenesisIsTheSameForTheSamePlan(t *testing.T) {
	first, err := makeGenesis(testPlan(t))
	require.NoError(t, err)
	second, err := makeGenesis(testPlan(t))
	require.NoError(t, err)
	require.Equal(t, string(first), string(second))
}

func TestConstructorsRunAtTheirFixedAddress(t *testing.T) {
	built, err := buildContracts(testPlan(t))
	require.NoError(t, err)
	for _, c := range built {
		if c.Address == factoryAddress {
			require.Contains(t, hex.EncodeToString(c.Code), strings.ToLower(factoryAddress.Hex()[2:]),
				"the immutable address(this) is in the code")
		}
	}
	require.Equal(t, []common.Address{validatorsAddress, councilAddress, permissionsAddress, factoryAddress},
		[]common.Address{built[0].Address, built[1].Address, built[2].Address, built[3].Address})
}

func TestGenesisSaysWhatIsWrongWithAPlan(t *testing.T) {
	other := testKey(9)
	cases := map[string]struct {
		spoil func(p *plan)
		want  string
	}{
		"set differs":      {func(p *plan) { p.Validators[0].Power = 11 }, "not the plan's validators"},
		"other key":        {func(p *plan) { p.Validators[0].Key = hex.EncodeToString(other[:]) }, "not the plan's validators"},
		"bad key":          {func(p *plan) { p.Validators[0].Key = "00" }, "64 hex digits"},
		"no validator":     {func(p *plan) { p.Validators = nil; p.Calls = p.Calls[1:] }, "no validators"},
		"nodes differ":     {func(p *plan) { p.Nodes[0].Organisation = 2 }, "lists 1 nodes"},
		"bad node":         {func(p *plan) { p.Nodes[0].ID = "abc" }, "40 hex digits"},
		"call reverts":     {func(p *plan) { p.Calls[0].Data = []byte{1, 2, 3, 4} }, "calls[0] to"},
		"call to nothing":  {func(p *plan) { p.Calls[0].To = common.HexToAddress("0x1234") }, "no contract at"},
		"empty code":       {func(p *plan) { p.Contracts[0].InitCode = []byte{0x00} }, "returned no code"},
		"reverting init":   {func(p *plan) { p.Contracts[0].InitCode = []byte{0x5f, 0x5f, 0xfd} }, "contracts[0] at"},
		"strange contract": {func(p *plan) { p.Calls = append(p.Calls, makeChild(t)) }, "not in the plan"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := testPlan(t)
			c.spoil(p)
			_, err := makeGenesis(p)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func makeChild(t *testing.T) planCall {
	return planCall{From: addressOf(deployer), To: factoryAddress, Data: pack(t, "Factory", "make")}
}

func TestPlanIsCheckedFieldByField(t *testing.T) {
	cases := map[string]struct {
		text string
		want string
	}{
		"unknown field": {`{"chain": 1}`, "unknown field"},
		"chain id":      {`{"chain_id": "luya-2", "evm_chain_id": 1}`, `must be "luya-1"`},
		"evm chain id":  {`{"evm_chain_id": 9007199254740992}`, "2^53"},
		"genesis time":  {`{"chain_id": "luya-1", "evm_chain_id": 1}`, "genesis_time"},
		"max gas": {`{"chain_id": "luya-1", "evm_chain_id": 1, "genesis_time": "2026-01-01T00:00:00Z", "max_gas": 5}`,
			"max_gas must be"},
		"contracts": {`{"chain_id": "luya-1", "evm_chain_id": 1, "genesis_time": "2026-01-01T00:00:00Z", "max_gas": 5000000}`,
			"none at"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "plan.json")
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o600))
			_, err := readPlan(path)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestChainRefusesAGenesisWhoseTwoSetsDiffer(t *testing.T) {
	c := newChain(t, testPlan(t))
	doc, err := os.ReadFile(filepath.Join(c.home, "config", "genesis.json"))
	require.NoError(t, err)
	request := c.initRequest(doc)
	request.Validators[0].Power = 5
	err = c.app.initValidators(c.ctx(), request.Validators)
	require.ErrorContains(t, err, "differ in 1 validators")
}

func TestGenesisHasNoCoinsAndNoBaseFee(t *testing.T) {
	c := newChain(t, testPlan(t))
	require.True(t, c.app.Bank.GetSupply(c.ctx(), gasDenom).IsZero())
	params := c.app.FeeMarket.GetParams(c.ctx())
	require.True(t, params.NoBaseFee)
	require.True(t, params.MinGasMultiplier.IsZero())
	require.Equal(t, big.NewInt(0).String(), c.app.EVM.GetBalance(c.ctx(), addressOf(deployer)).String())
}

func TestGenesisNodesAreKnownBeforeTheFirstBlock(t *testing.T) {
	c := newChain(t, testPlan(t))
	id, err := parseNodeID(testNode)
	require.NoError(t, err)
	require.Equal(t, map[[20]byte]bool{id: true}, genesisNodes(c.home))
	require.Nil(t, genesisNodes(t.TempDir()))
}

func TestBlockHashesAreKeptWhereThePlanWantsThem(t *testing.T) {
	for _, wanted := range []bool{false, true} {
		p := testPlan(t)
		p.BlockHashes = wanted
		c := newChain(t, p)
		before := c.app.LastCommitID().Hash
		c.block()
		require.Equal(t, wanted, c.app.EVM.GetHeaderHash(c.ctx(), uint64(c.height)) != common.Hash{})
		require.Equal(t, wanted, string(before) != string(c.app.LastCommitID().Hash), "else an empty block changes nothing")
		require.NoError(t, c.app.Close())
	}
}
