// Command luyad is a node of the Luya ledger: a permissioned EVM chain on CometBFT.
//
// It accepts Ethereum transactions only, no coins exist and gas is free. Who validates, who may connect, who may
// send and who may create contracts stands in genesis contracts (see layout.go); luyad reads their storage and
// enforces it, so changing any of it is a vote of the member organisations and needs no restart.
package main

import (
	"fmt"

	"github.com/ethereum/go-ethereum/common"

	sdk "github.com/cosmos/cosmos-sdk/types"
)

const (
	appName    = "luyad"
	appVersion = "0.1.0"
	gasDenom   = "aluya" // the EVM library wants a gas coin; none is ever issued
	bech32     = "luya"

	// maxEVMChainID keeps the id exact in JavaScript and JSON numbers.
	maxEVMChainID = uint64(1) << 53
)

// The genesis contracts, from layout.go.
var (
	validatorsAddress  = common.HexToAddress(addressValidators)
	councilAddress     = common.HexToAddress(addressCouncil)
	permissionsAddress = common.HexToAddress(addressPermissions)
)

// cometChainID names the CometBFT chain after the EVM chain, so that one number tells a network apart.
func cometChainID(evmChainID uint64) string { return fmt.Sprintf("luya-%d", evmChainID) }

// setPrefixes fixes the Cosmos SDK's process-wide address spelling. It is called once, first.
func setPrefixes() {
	c := sdk.GetConfig()
	c.SetBech32PrefixForAccount(bech32, bech32+"pub")
	c.SetBech32PrefixForValidator(bech32+"valoper", bech32+"valoperpub")
	c.SetBech32PrefixForConsensusNode(bech32+"valcons", bech32+"valconspub")
	c.Seal()
}
