//go:build !clockskew

package main

import (
	"time"

	"github.com/cometbft/cometbft/types"
)

// now is the node's clock.
func now() time.Time { return time.Now() }

// observeProposal is told the time of each block that is judged; only the fault tests' build uses it.
func observeProposal(time.Time) {}

// faultBuild says that this is not a build to run a ledger on.
const faultBuild = false

// withClock gives the validator's signer as it is. The fault tests' build (tag clockskew) shifts its clock.
func withClock(signer types.PrivValidator) (types.PrivValidator, error) { return signer, nil }
