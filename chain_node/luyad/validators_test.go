package main

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
)

func TestCheckValidators(t *testing.T) {
	good := func(n byte) validator { return validator{Key: testKey(n), Power: 10} }
	with := func(v validator, change func(*validator)) validator { change(&v); return v }
	raw := func(text string) (key [32]byte) {
		b, err := hex.DecodeString(text)
		require.NoError(t, err)
		copy(key[:], b)
		return key
	}
	many := make([]validator, maxValidators+1)
	for i := range many {
		many[i] = validator{Key: testKey(byte(i)), Power: 1}
	}
	cases := map[string]struct {
		set  []validator
		want string
	}{
		"one":         {[]validator{good(1)}, ""},
		"seven":       {[]validator{good(1), good(2), good(3), good(4), good(5), good(6), good(7)}, ""},
		"the limit":   {many[:maxValidators], ""},
		"none":        {nil, "no validators"},
		"too many":    {many, "at most"},
		"doubled":     {[]validator{good(1), good(2), good(1)}, "twice"},
		"no power":    {[]validator{with(good(1), func(v *validator) { v.Power = 0 })}, "power 0"},
		"much power":  {[]validator{with(good(1), func(v *validator) { v.Power = maxValidatorPower + 1 })}, "is not within"},
		"power 2^63":  {[]validator{with(good(1), func(v *validator) { v.Power = 1 << 63 })}, "is not within"},
		"zero key":    {[]validator{{Power: 1}}, "small order"},
		"identity":    {[]validator{{Key: raw("0100000000000000000000000000000000000000000000000000000000000000"), Power: 1}}, "small order"},
		"no point":    {[]validator{{Key: raw("0200000000000000000000000000000000000000000000000000000000000000"), Power: 1}}, "not a point"},
		"uncanonical": {[]validator{{Key: raw("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"), Power: 1}}, "canonical"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := checkValidators(c.set)
			if c.want == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.want)
			}
		})
	}
}

// changes gives a block's validator updates as key number -> power.
func changes(t *testing.T, res *abci.ResponseFinalizeBlock) map[byte]int64 {
	t.Helper()
	out := map[byte]int64{}
	for _, u := range res.ValidatorUpdates {
		for n := range byte(20) {
			if key := testKey(n); string(key[:]) == string(u.PubKey.GetEd25519()) {
				out[n] = u.Power
			}
		}
	}
	require.Len(t, out, len(res.ValidatorUpdates))
	return out
}

func TestValidatorsAreAddedChangedAndRemoved(t *testing.T) {
	c := newChain(t, testPlan(t))
	require.Empty(t, changes(t, c.block()))
	require.Equal(t, map[byte]int64{2: 20}, changes(t, c.do(sender, validatorsAddress, "InsecureValidators", "add", testKey(2), uint64(20), uint32(2))))
	require.Empty(t, changes(t, c.block()), "a change is told once")
	require.Equal(t, map[byte]int64{1: 30}, changes(t, c.do(sender, validatorsAddress, "InsecureValidators", "put", bigOne(0), testKey(1), uint64(30))))
	require.Equal(t, map[byte]int64{2: 0, 3: 5}, changes(t, c.do(sender, validatorsAddress, "InsecureValidators", "put", bigOne(1), testKey(3), uint64(5))))
	require.Equal(t, map[byte]int64{3: 0}, changes(t, c.do(sender, validatorsAddress, "InsecureValidators", "pop")))
	require.Equal(t, map[byte]int64{3: 5}, changes(t, c.do(sender, validatorsAddress, "InsecureValidators", "add", testKey(3), uint64(5), uint32(3))))
}

func TestAnInvalidSetKeepsTheOldOne(t *testing.T) {
	c := newChain(t, testPlan(t))
	none := map[byte]int64{}
	require.Equal(t, none, changes(t, c.do(sender, validatorsAddress, "InsecureValidators", "pop")), "an empty set")
	require.Equal(t, none, changes(t, c.do(sender, validatorsAddress, "InsecureValidators", "add", [32]byte{2}, uint64(5), uint32(1))), "a key that is no point")
	require.Equal(t, none, changes(t, c.do(sender, validatorsAddress, "InsecureValidators", "put", bigOne(0), testKey(1), uint64(0))), "no power")
	require.Equal(t, none, changes(t, c.do(sender, validatorsAddress, "InsecureValidators", "put", bigOne(0), testKey(1), uint64(1<<40))), "too much power")
	require.Equal(t, none, changes(t, c.do(sender, validatorsAddress, "InsecureValidators", "put", bigOne(0), testKey(1), uint64(10))), "the old set again")
	require.Equal(t, map[byte]int64{2: 5}, changes(t, c.do(sender, validatorsAddress, "InsecureValidators", "add", testKey(2), uint64(5), uint32(2))))
	require.Equal(t, none, changes(t, c.do(sender, validatorsAddress, "InsecureValidators", "put", bigOne(1), testKey(1), uint64(5))), "a doubled key")
	require.NotNil(t, c.app.lastRefusal.Load())
	// What came in between is not lost: the difference is taken to the set in force.
	require.Equal(t, map[byte]int64{2: 0, 3: 7}, changes(t, c.do(sender, validatorsAddress, "InsecureValidators", "put", bigOne(1), testKey(3), uint64(7))))
	require.Nil(t, c.app.lastRefusal.Load())
}
