//go:build clockskew

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	cmttypes "github.com/cometbft/cometbft/types"
)

// go test -tags clockskew -run Skew .
func TestSkewShiftsVotesButNotBeforeTheirBlock(t *testing.T) {
	skew = -time.Hour
	defer func() { skew = 0 }()
	signer, err := withClock(cmttypes.NewMockPV())
	require.NoError(t, err)
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	sign := func() time.Time {
		vote := &cmtproto.Vote{Type: cmtproto.PrevoteType, Height: 1, Timestamp: at}
		require.NoError(t, signer.SignVote("luya-1", vote))
		return vote.Timestamp
	}
	observeProposal(at.Add(-2 * time.Hour))
	require.Equal(t, at.Add(-time.Hour), sign())
	observeProposal(at.Add(-time.Minute))
	require.Equal(t, at.Add(-time.Minute+time.Millisecond), sign())
	require.WithinDuration(t, time.Now().Add(-time.Hour), now(), time.Minute)
}
