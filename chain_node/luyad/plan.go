package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"

	"github.com/cometbft/cometbft/crypto/ed25519"
)

// plan is what a genesis is made from. All organisations hold the same plan, so all come to the same bytes.
type plan struct {
	ChainID     string          `json:"chain_id"` // luya-<evm_chain_id>
	EVMChainID  uint64          `json:"evm_chain_id"`
	GenesisTime time.Time       `json:"genesis_time"`        // RFC 3339
	MaxGas      int64           `json:"max_gas"`             // gas of a block: the sum of its transactions' limits
	MaxBytes    int64           `json:"max_bytes,omitempty"` // bytes of a block
	Contracts   []planContract  `json:"contracts"`
	Calls       []planCall      `json:"calls"`
	Validators  []planValidator `json:"validators"`
	Nodes       []planNode      `json:"nodes,omitempty"`
	// BlockHashes keeps the last blocks' hashes for the BLOCKHASH opcode. Without, the opcode gives zero, and an empty
	// block takes less than half the disk. Luya's contracts never ask for a block's hash.
	BlockHashes bool `json:"block_hashes,omitempty"`
}

// planContract is a contract at a fixed address; its init code (constructor's arguments appended) runs there.
type planContract struct {
	Address  common.Address  `json:"address"`
	InitCode hexutil.Bytes   `json:"init_code"`
	From     *common.Address `json:"from,omitempty"` // msg.sender of the constructor, default zero
}

// planCall wires the contracts after all constructors have run.
type planCall struct {
	From common.Address `json:"from"`
	To   common.Address `json:"to"`
	Data hexutil.Bytes  `json:"data"`
}

// planValidator is one that the Validators contract must hold in the end; key is 32 bytes in hex.
type planValidator struct {
	Name         string `json:"name"`
	Key          string `json:"key"`
	Power        uint64 `json:"power"`
	Organisation uint32 `json:"organisation"`
}

// planNode is a node that the Validators contract must list in the end; id is 40 hex digits.
type planNode struct {
	ID           string `json:"id"`
	Organisation uint32 `json:"organisation"`
}

const (
	defaultMaxBytes = 4 << 20
	minMaxGas       = 1_000_000
	maxMaxBytes     = 64 << 20
)

// readPlan reads a plan and refuses unknown fields: a misspelt one would silently change the network.
func readPlan(path string) (*plan, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	p := &plan{MaxBytes: defaultMaxBytes}
	if err := decoder.Decode(p); err != nil {
		return nil, fmt.Errorf("plan %s: %w", path, err)
	}
	return p, p.check()
}

func (p *plan) check() error {
	switch {
	case p.EVMChainID == 0 || p.EVMChainID >= maxEVMChainID:
		return fmt.Errorf("plan: evm_chain_id must be within 1 and 2^53-1, it is %d", p.EVMChainID)
	case p.ChainID != cometChainID(p.EVMChainID):
		return fmt.Errorf("plan: chain_id must be %q, it is %q", cometChainID(p.EVMChainID), p.ChainID)
	case p.GenesisTime.IsZero() || p.GenesisTime.Unix() <= 0:
		return fmt.Errorf("plan: genesis_time is missing")
	case p.MaxGas < minMaxGas:
		return fmt.Errorf("plan: max_gas must be at least %d, it is %d", minMaxGas, p.MaxGas)
	case p.MaxBytes < 1<<18 || p.MaxBytes > maxMaxBytes:
		return fmt.Errorf("plan: max_bytes must be within %d and %d, it is %d", 1<<18, maxMaxBytes, p.MaxBytes)
	}
	seen := map[common.Address]bool{}
	for i, c := range p.Contracts {
		if seen[c.Address] {
			return fmt.Errorf("plan: contracts[%d]: %s is there twice", i, c.Address)
		}
		seen[c.Address] = true
	}
	for _, want := range []common.Address{validatorsAddress, permissionsAddress} {
		if !seen[want] {
			return fmt.Errorf("plan: contracts: none at %s, which luyad reads", want)
		}
	}
	return nil
}

// validators gives the plan's set as the contract should hold it.
func (p *plan) validators() ([]validator, error) {
	set := make([]validator, len(p.Validators))
	for i, v := range p.Validators {
		raw, err := hex.DecodeString(v.Key)
		if err != nil || len(raw) != ed25519.PubKeySize {
			return nil, fmt.Errorf("plan: validators[%d] (%s): key must be 64 hex digits", i, v.Name)
		}
		set[i] = validator{Key: [ed25519.PubKeySize]byte(raw), Power: v.Power, Organisation: v.Organisation}
	}
	if err := checkValidators(set); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return set, nil
}

// nodes gives the plan's listed nodes, id to organisation.
func (p *plan) nodes() (map[[20]byte]uint32, error) {
	out := map[[20]byte]uint32{}
	for i, n := range p.Nodes {
		id, err := parseNodeID(n.ID)
		if err != nil {
			return nil, fmt.Errorf("plan: nodes[%d]: %w", i, err)
		}
		out[id] = n.Organisation
	}
	return out, nil
}
