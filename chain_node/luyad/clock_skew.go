//go:build clockskew

package main

import (
	"fmt"
	"os"
	"sync/atomic"
	"time"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"
	"github.com/cometbft/cometbft/types"
)

// skewVariable holds by how much this node's clock is wrong, as a Go duration ("90s", "-15m"). Only the build for
// fault tests reads it. CometBFT has no hook for its clock, but what other nodes see of a clock are the times in the
// signed votes, and those the signer may set: shifting them there is what a wrong clock does to the network. Timers
// are not shifted: they measure spans.
const skewVariable = "LUYAD_CLOCK_SKEW"

var skew, skewErr = readSkew()

func readSkew() (time.Duration, error) {
	text := os.Getenv(skewVariable)
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", skewVariable, err)
	}
	return d, nil
}

func now() time.Time { return time.Now().Add(skew) }

// faultBuild says that this is not a build to run a ledger on.
const faultBuild = true

// proposedTime is the time of the block that was last judged, Unix nanoseconds.
var proposedTime atomic.Int64

func observeProposal(at time.Time) { proposedTime.Store(at.UnixNano()) }

type skewedSigner struct{ types.PrivValidator }

// SignVote shifts a vote's time, but like CometBFT never to a time before the block that is voted on.
func (s skewedSigner) SignVote(chainID string, vote *cmtproto.Vote) error {
	// CometBFT raises a vote's time to just after its block's, which other wrong clocks may have put into the future:
	// this clock says what the true one says, shifted, or each block would move the next by the whole error again.
	if t := time.Now().Round(0).UTC(); t.Before(vote.Timestamp) {
		vote.Timestamp = t
	}
	vote.Timestamp = vote.Timestamp.Add(skew)
	if floor := time.Unix(0, proposedTime.Load()).UTC().Add(time.Millisecond); vote.Timestamp.Before(floor) {
		vote.Timestamp = floor
	}
	return s.PrivValidator.SignVote(chainID, vote)
}

func withClock(signer types.PrivValidator) (types.PrivValidator, error) {
	if skewErr != nil || skew == 0 {
		return signer, skewErr
	}
	return skewedSigner{signer}, nil
}
