package main

import (
	"math/big"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

// slotReader gives a word of one contract's storage; an unwritten word is zero. The same code reads the chain's
// state, a genesis file and the in-memory EVM that makes one.
type slotReader func(slot common.Hash) common.Hash

// storage reads a contract's words from the state that ctx stands on.
func (a *App) storage(ctx sdk.Context, contract common.Address) slotReader {
	return func(slot common.Hash) common.Hash { return a.EVM.GetState(ctx, contract, slot) }
}

// word is n as a 32-byte big-endian word.
func word(n uint64) common.Hash { return common.BigToHash(new(big.Int).SetUint64(n)) }

// element is the slot of word w of element i of the dynamic array at slot p, whose elements take size words.
func element(p, i, size, w uint64) common.Hash {
	base := new(big.Int).SetBytes(crypto.Keccak256(word(p).Bytes()))
	return common.BigToHash(base.Add(base, new(big.Int).SetUint64(i*size+w)))
}

// entry is the slot of a mapping's value; key is already padded to a word as Solidity pads its type.
func entry(key common.Hash, p uint64) common.Hash {
	return crypto.Keccak256Hash(key.Bytes(), word(p).Bytes())
}

// addressKey pads an address as a mapping's key: zeros before it.
func addressKey(a common.Address) common.Hash { return common.BytesToHash(a.Bytes()) }

// bytes20Key pads a bytes20 as a mapping's key: zeros after it.
func bytes20Key(b [20]byte) (key common.Hash) {
	copy(key[:], b[:])
	return key
}

// bits gives width ≤ 64 bits of a word, counted from its least significant bit.
func bits(w common.Hash, from, width uint) uint64 {
	v := new(big.Int).Rsh(w.Big(), from)
	return v.And(v, new(big.Int).SetUint64(^uint64(0)>>(64-width))).Uint64()
}

// arrayLength gives a dynamic array's length, or limit+1 when it is longer than limit.
func arrayLength(read slotReader, p, limit uint64) uint64 {
	n := read(word(p)).Big()
	if !n.IsUint64() || n.Uint64() > limit {
		return limit + 1
	}
	return n.Uint64()
}
