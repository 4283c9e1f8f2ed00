package main

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPeersOfTheLatestState(t *testing.T) {
	c := newChain(t, testPlan(t))
	c.app.peers.now = func() time.Time { return c.time }
	other := "ffffffffffffffffffffffffffffffffffffffff"
	ask := func(id string) bool { return c.app.FilterPeerByID(id).IsOK() }
	require.True(t, ask(testNode))
	require.False(t, ask(other))
	require.False(t, ask("nonsense"))
	id, err := parseNodeID(other)
	require.NoError(t, err)
	c.do(sender, validatorsAddress, "InsecureValidators", "list", id, uint32(2))
	require.True(t, ask(other))
	c.do(sender, validatorsAddress, "InsecureValidators", "unlist", id)
	require.False(t, ask(other))
}

func TestPeersOfANodeThatIsBehind(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	listed, configured, genesis, other := [20]byte{1}, [20]byte{2}, [20]byte{3}, [20]byte{4}
	noState := errors.New("no state")
	cases := map[string]struct {
		age   time.Duration
		pause time.Duration
		err   error
		want  map[[20]byte]bool
	}{
		"up to date":   {time.Second, time.Second, nil, map[[20]byte]bool{listed: true}},
		"behind":       {time.Hour, time.Second, nil, map[[20]byte]bool{listed: true, configured: true}},
		"slow blocks":  {20 * time.Minute, 10 * time.Minute, nil, map[[20]byte]bool{listed: true}},
		"before block": {time.Hour, time.Second, noState, map[[20]byte]bool{configured: true, genesis: true}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			l := &peerList{
				listed:     func(id [20]byte) (bool, error) { return c.err == nil && id == listed, c.err },
				inGenesis:  map[[20]byte]bool{genesis: true},
				configured: map[[20]byte]bool{configured: true},
				blockTime:  func() time.Time { return at.Add(-c.age) },
				now:        func() time.Time { return at },
				pause:      c.pause,
			}
			for _, id := range [][20]byte{listed, configured, genesis, other} {
				require.Equal(t, c.want[id], l.allowed(id), "%x", id[:1])
			}
		})
	}
}

func TestPeerAddresses(t *testing.T) {
	peers := splitPeers(" " + testNode + "@127.0.0.1:1 ,, bad@127.0.0.1:2")
	require.Len(t, peers, 2)
	id, err := parseNodeID(testNode)
	require.NoError(t, err)
	require.Equal(t, map[[20]byte]bool{id: true}, peerIDs(peers))
}
