package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"

	"filippo.io/edwards25519"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"

	storetypes "github.com/cosmos/cosmos-sdk/store/v2/types"
	sdk "github.com/cosmos/cosmos-sdk/types"
)

// inForceStoreKey names the store that keeps the set CometBFT has been given: key -> power (8 bytes).
const inForceStoreKey = "validators"

// validator is one element of the Validators contract's list.
type validator struct {
	Key          [ed25519.PubKeySize]byte
	Power        uint64
	Organisation uint32
}

// readValidators reads the wanted set from the contract's storage and refuses one that CometBFT could not run.
// The contract has its own bounds; this check stands even if they fail.
func readValidators(read slotReader) ([]validator, error) {
	n := arrayLength(read, slotValidators, maxValidators)
	if n > maxValidators {
		return nil, fmt.Errorf("more than %d validators", maxValidators)
	}
	set := make([]validator, n)
	for i := range set {
		about := read(element(slotValidators, uint64(i), wordsPerValidator, 1))
		set[i] = validator{
			Key:          read(element(slotValidators, uint64(i), wordsPerValidator, 0)),
			Power:        bits(about, validatorPowerBit, 64),
			Organisation: uint32(bits(about, validatorOrganBit, validatorOrganBits)),
		}
	}
	return set, checkValidators(set)
}

// checkValidators holds a set against what CometBFT and the network's rules allow.
func checkValidators(set []validator) error {
	if len(set) == 0 {
		return errors.New("no validators: the chain would stop")
	}
	if len(set) > maxValidators {
		return fmt.Errorf("%d validators, at most %d are allowed", len(set), maxValidators)
	}
	total, seen := uint64(0), make(map[[ed25519.PubKeySize]byte]bool, len(set))
	for i, v := range set {
		if seen[v.Key] {
			return fmt.Errorf("validator %d: key %x is in the list twice", i, v.Key)
		}
		seen[v.Key] = true
		if err := checkKey(v.Key[:]); err != nil {
			return fmt.Errorf("validator %d: key %x: %w", i, v.Key, err)
		}
		if v.Power < 1 || v.Power > maxValidatorPower {
			return fmt.Errorf("validator %d: key %x: power %d is not within 1 and %d", i, v.Key, v.Power, maxValidatorPower)
		}
		total += v.Power
	}
	if total > maxTotalPower {
		return fmt.Errorf("total power %d is above %d", total, maxTotalPower)
	}
	return nil
}

// checkKey accepts the canonical encoding of a point of the curve outside the small subgroup: for any other key a
// signature could be forged, or nobody could ever sign.
func checkKey(key []byte) error {
	if len(key) != ed25519.PubKeySize {
		return fmt.Errorf("an ed25519 key has %d bytes, not %d", ed25519.PubKeySize, len(key))
	}
	point, err := new(edwards25519.Point).SetBytes(key)
	if err != nil {
		return errors.New("not a point of ed25519")
	}
	if !bytes.Equal(point.Bytes(), key) {
		return errors.New("not the canonical encoding of a point of ed25519")
	}
	if new(edwards25519.Point).MultByCofactor(point).Equal(edwards25519.NewIdentityPoint()) == 1 {
		return errors.New("a point of small order")
	}
	return nil
}

// diffValidators gives what must change to come from the set in force to the wanted one: first additions and new
// powers in the contract's order, then removals in the order of their keys.
func diffValidators(inForce storetypes.KVStore, wanted []validator) (updates []abci.ValidatorUpdate) {
	keep := make(map[string]bool, len(wanted))
	for _, v := range wanted {
		keep[string(v.Key[:])] = true
		old := inForce.Get(v.Key[:])
		if old == nil || binary.BigEndian.Uint64(old) != v.Power {
			updates = append(updates, abci.Ed25519ValidatorUpdate(bytes.Clone(v.Key[:]), int64(v.Power)))
		}
	}
	it := inForce.Iterator(nil, nil)
	defer func() { _ = it.Close() }()
	for ; it.Valid(); it.Next() {
		if !keep[string(it.Key())] {
			updates = append(updates, abci.Ed25519ValidatorUpdate(bytes.Clone(it.Key()), 0))
		}
	}
	return updates
}

// putInForce writes updates into the store of the set in force.
func putInForce(inForce storetypes.KVStore, updates []abci.ValidatorUpdate) {
	for _, u := range updates {
		if u.Power == 0 {
			inForce.Delete(u.PubKey.GetEd25519())
		} else {
			inForce.Set(u.PubKey.GetEd25519(), binary.BigEndian.AppendUint64(nil, uint64(u.Power)))
		}
	}
}

// initValidators checks at the chain's first block that the contract and CometBFT's genesis name the same set.
func (a *App) initValidators(ctx sdk.Context, genesis []abci.ValidatorUpdate) error {
	wanted, err := readValidators(a.storage(ctx, validatorsAddress))
	if err != nil {
		return fmt.Errorf("genesis: the Validators contract's set cannot be used: %w", err)
	}
	inForce := ctx.KVStore(a.keys[inForceStoreKey])
	putInForce(inForce, genesis)
	if diff := diffValidators(inForce, wanted); len(diff) > 0 {
		return fmt.Errorf("genesis: the Validators contract and the consensus section differ in %d validators, first %x",
			len(diff), diff[0].PubKey.GetEd25519())
	}
	return nil
}

// updateValidators hands CometBFT the changes at a block's end. A set that cannot be used changes nothing: the
// chain goes on with the old one, the operator is told by log and metric.
func (a *App) updateValidators(ctx sdk.Context) []abci.ValidatorUpdate {
	wanted, err := readValidators(a.storage(ctx, validatorsAddress))
	if err != nil {
		a.metrics.setInvalid.Set(1)
		text := err.Error()
		if last := a.lastRefusal.Swap(&text); last == nil || *last != text { // say it once, not at every block
			a.metrics.setRefusals.Inc()
			ctx.Logger().Error("the Validators contract holds a set that cannot be used; going on with the old one",
				"module", appName, "height", ctx.BlockHeight(), "why", text)
		}
		return nil
	}
	a.metrics.setInvalid.Set(0)
	a.lastRefusal.Store(nil)
	inForce := ctx.KVStore(a.keys[inForceStoreKey])
	updates := diffValidators(inForce, wanted)
	putInForce(inForce, updates)
	for _, u := range updates {
		ctx.Logger().Info("validator changed", "module", appName, "height", ctx.BlockHeight(),
			"key", hex.EncodeToString(u.PubKey.GetEd25519()), "power", u.Power)
	}
	a.metrics.observeValidators(wanted)
	return updates
}
