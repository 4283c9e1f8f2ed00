package main

import (
	"math/big"
	"testing"
	"time"

	ethtypes "github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"
)

func bigOne(n int64) *big.Int { return big.NewInt(n) }

// TestAProposalNeverSkipsANonce is the trap that stops a chain: a transaction that does not fit must not be
// overtaken by a later one of the same sender.
func TestAProposalNeverSkipsANonce(t *testing.T) {
	p := testPlan(t)
	p.MaxGas = 1_000_000
	c := newChain(t, p)
	c.do(sender, factoryAddress, "Factory", "digest", []byte("leaf")) // the account exists: several may be in flight
	to := factoryAddress
	first := c.nonce(sender)
	for i, gas := range []uint64{400_000, 800_000, 300_000, 200_000} {
		require.NoError(t, c.insert(c.encode(sender, &ethtypes.LegacyTx{Nonce: first + uint64(i), GasPrice: new(big.Int), Gas: gas,
			To: &to, Data: pack(t, "Factory", "digest", []byte("leaf"))})))
	}
	var done int
	for range 20 {
		txs, accepted := c.propose()
		require.True(t, accepted, "a validator accepts its own proposal")
		for _, res := range c.block(txs...).TxResults {
			require.Empty(t, vmError(t, res))
			done++
		}
		if done == 4 {
			break
		}
		time.Sleep(20 * time.Millisecond) // the pool learns of the block in the background
	}
	require.Equal(t, 4, done, "all four got in, in order")
	require.Equal(t, first+4, c.nonce(sender))
}

func TestAProposalLeavesOutWhoLostThePermission(t *testing.T) {
	c := newChain(t, testPlan(t))
	to := factoryAddress
	tx := c.call(sender, &to, pack(t, "Factory", "digest", []byte("leaf")), 0)
	require.NoError(t, c.insert(tx))
	c.do(deployer, permissionsAddress, "InsecurePermissions", "forbid", addressOf(sender))
	require.False(t, c.judge(tx))
	txs, accepted := c.propose()
	require.True(t, accepted)
	require.Empty(t, txs)
}
