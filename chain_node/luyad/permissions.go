package main

import (
	"fmt"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	sdk "github.com/cosmos/cosmos-sdk/types"
	sdkerrors "github.com/cosmos/cosmos-sdk/types/errors"

	evmtypes "github.com/cosmos/evm/x/vm/types"
)

// mayTransact holds a transaction against the Permissions contract. to is nil when it creates a contract.
// A member of the Council may always send to the Council, so that no vote can lock the voters out.
func mayTransact(permissions, council slotReader, from common.Address, to *common.Address) error {
	flags := bits(permissions(entry(addressKey(from), slotFlags)), 0, 64)
	if to == nil {
		if flags&flagDeploy != 0 {
			return nil
		}
		return sdkerrors.ErrUnauthorized.Wrapf("%s may not create contracts: the Permissions contract at %s does not list "+
			"it as a deployer; ask the network's council", from, addressPermissions)
	}
	if flags&(flagSend|flagDeploy) != 0 || bits(permissions(word(slotOpen)), 0, 8) != 0 {
		return nil
	}
	if *to == councilAddress && isCouncilMember(council, from) {
		return nil
	}
	return sdkerrors.ErrUnauthorized.Wrapf("%s may not send transactions: the Permissions contract at %s does not list it; "+
		"ask the network's council", from, addressPermissions)
}

func isCouncilMember(council slotReader, who common.Address) bool {
	return bits(council(entry(addressKey(who), slotMember)), 0, memberOrganBits) != 0
}

// checkPermission applies mayTransact to the state that ctx stands on.
func (a *App) checkPermission(ctx sdk.Context, from common.Address, to *common.Address) error {
	return mayTransact(a.storage(ctx, permissionsAddress), a.storage(ctx, councilAddress), from, to)
}

// readDeployers reads the deployers' list, in the contract's order.
func readDeployers(read slotReader) ([]string, error) {
	n := arrayLength(read, slotDeployers, maxDeployers)
	if n > maxDeployers {
		return nil, fmt.Errorf("more than %d deployers", maxDeployers)
	}
	list := make([]string, n)
	for i := range list {
		list[i] = common.BytesToAddress(read(element(slotDeployers, uint64(i), 1, 0)).Bytes()).Hex()
	}
	return list, nil
}

// accessControl is the EVM library's own table: it is asked at each CREATE and CREATE2, so also when one contract
// creates another. An address passes when it, or the transaction's sender, is in the list.
func accessControl(deployers []string) evmtypes.AccessControl {
	return evmtypes.AccessControl{
		Create: evmtypes.AccessControlType{AccessType: evmtypes.AccessTypePermissioned, AccessControlList: deployers},
		Call:   evmtypes.AccessControlType{AccessType: evmtypes.AccessTypePermissionless, AccessControlList: []string{}},
	}
}

// mirrorDeployers copies the deployers' list into the EVM's access control when it has changed. It runs at the
// block's end: the ante handler sees a change at once, creation inside a call sees it from the next block on.
func (a *App) mirrorDeployers(ctx sdk.Context) error {
	wanted, err := readDeployers(a.storage(ctx, permissionsAddress))
	if err != nil {
		ctx.Logger().Error("the Permissions contract's list of deployers cannot be used; going on with the old one",
			"module", appName, "height", ctx.BlockHeight(), "why", err.Error())
		return nil
	}
	a.metrics.deployers.Set(float64(len(wanted)))
	params := a.EVM.GetParams(ctx)
	now := params.AccessControl.Create
	if now.AccessType == evmtypes.AccessTypePermissioned && slices.Equal(now.AccessControlList, wanted) {
		return nil
	}
	params.AccessControl = accessControl(wanted)
	ctx.Logger().Info("deployers changed", "module", appName, "height", ctx.BlockHeight(), "deployers", wanted)
	return a.EVM.SetParams(ctx, params)
}
