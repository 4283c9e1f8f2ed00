package main

import (
	"crypto/ecdsa"
	"math/big"
	"testing"

	"github.com/ethereum/go-ethereum/common"
	ethtypes "github.com/ethereum/go-ethereum/core/types"
	"github.com/holiman/uint256"
	"github.com/stretchr/testify/require"

	banktypes "github.com/cosmos/cosmos-sdk/x/bank/types"

	abci "github.com/cometbft/cometbft/abci/types"
)

// refusedEverywhere holds that a transaction is refused on arrival, from a peer, in a proposal and in a block.
func refusedEverywhere(t *testing.T, c *chain, tx []byte, why string) {
	t.Helper()
	require.ErrorContains(t, c.insert(tx), why)
	fromPeer, err := c.app.InsertTx(&abci.RequestInsertTx{Tx: tx})
	require.NoError(t, err)
	require.NotEqual(t, abci.CodeTypeOK, fromPeer.Code)
	checked, err := c.app.CheckTx(&abci.RequestCheckTx{Tx: tx, Type: abci.CheckTxType_New})
	require.NoError(t, err)
	require.NotEqual(t, abci.CodeTypeOK, checked.Code)
	require.False(t, c.judge(tx), "a proposal with it must be rejected")
	res := c.block(tx)
	require.NotEqual(t, abci.CodeTypeOK, res.TxResults[0].Code)
	require.Contains(t, res.TxResults[0].Log, why)
}

func TestOnlyListedAccountsMaySend(t *testing.T) {
	c := newChain(t, testPlan(t))
	to := factoryAddress
	data := pack(t, "Factory", "digest", []byte("leaf"))
	refusedEverywhere(t, c, c.call(stranger, &to, data, 0), "may not send transactions")
	for _, key := range []*ecdsa.PrivateKey{sender, deployer} {
		tx := c.call(key, &to, data, 0)
		require.NoError(t, c.insert(tx))
		require.True(t, c.judge(tx))
		require.Empty(t, vmError(t, c.block(tx).TxResults[0]))
	}
}

func TestOpenSendingLetsEverybodySendButNotCreate(t *testing.T) {
	c := newChain(t, testPlan(t))
	c.do(deployer, permissionsAddress, "InsecurePermissions", "open", true)
	c.do(stranger, factoryAddress, "Factory", "digest", []byte("leaf"))
	refusedEverywhere(t, c, c.call(stranger, nil, initCode(t, "Child"), 0), "may not create contracts")
	c.do(deployer, permissionsAddress, "InsecurePermissions", "open", false)
	to := factoryAddress
	refusedEverywhere(t, c, c.call(stranger, &to, pack(t, "Factory", "digest", []byte("leaf")), 0), "may not send transactions")
}

func TestCouncilMembersMayAlwaysSendToTheCouncilOnly(t *testing.T) {
	c := newChain(t, testPlan(t))
	c.do(member, councilAddress, "InsecureCouncil", "call")
	to := factoryAddress
	refusedEverywhere(t, c, c.call(member, &to, pack(t, "Factory", "digest", []byte("leaf")), 0), "may not send transactions")
	council := councilAddress
	refusedEverywhere(t, c, c.call(stranger, &council, pack(t, "InsecureCouncil", "call"), 0), "may not send transactions")
}

func TestOnlyDeployersMayCreate(t *testing.T) {
	c := newChain(t, testPlan(t))
	refusedEverywhere(t, c, c.call(sender, nil, initCode(t, "Child"), 0), "may not create contracts")
	require.Empty(t, vmError(t, c.block(c.call(deployer, nil, initCode(t, "Child"), 0)).TxResults[0]))
}

func TestNestedCreationNeedsTheDeployersPermission(t *testing.T) {
	for _, method := range []string{"make", "make2"} {
		t.Run(method, func(t *testing.T) {
			c := newChain(t, testPlan(t))
			var args []any
			if method == "make2" {
				args = []any{[32]byte{1}}
			}
			data := pack(t, "Factory", method, args...)
			to := factoryAddress
			attempt := func(key *ecdsa.PrivateKey) string { return vmError(t, c.block(c.call(key, &to, data, 0)).TxResults[0]) }
			require.Contains(t, attempt(sender), "reverted", "a sender creates nothing through a factory")
			require.Empty(t, attempt(deployer))
		})
	}
}

func TestPermissionsChangeWithoutRestart(t *testing.T) {
	c := newChain(t, testPlan(t))
	to := factoryAddress
	attempt := func(key *ecdsa.PrivateKey) string {
		return vmError(t, c.block(c.call(key, &to, pack(t, "Factory", "make"), 0)).TxResults[0])
	}
	require.NotEmpty(t, attempt(sender))
	c.do(deployer, permissionsAddress, "InsecurePermissions", "allow", addressOf(sender), big.NewInt(3))
	require.Empty(t, attempt(sender), "from the block after the change on")
	c.do(deployer, permissionsAddress, "InsecurePermissions", "forbid", addressOf(sender))
	refusedEverywhere(t, c, c.call(sender, &to, pack(t, "Factory", "make"), 0), "may not send transactions")

	// A factory may itself be a deployer: then whoever may call it creates through it.
	c.do(deployer, permissionsAddress, "InsecurePermissions", "allow", addressOf(sender), big.NewInt(1))
	require.NotEmpty(t, attempt(sender))
	c.do(deployer, permissionsAddress, "InsecurePermissions", "allow", factoryAddress, big.NewInt(2))
	require.Empty(t, attempt(sender))
}

func TestAPermissionTakenAwayInABlockCountsInThatBlock(t *testing.T) {
	c := newChain(t, testPlan(t))
	permissions, to := permissionsAddress, factoryAddress
	res := c.block(
		c.call(deployer, &permissions, pack(t, "InsecurePermissions", "forbid", addressOf(sender)), 0),
		c.call(sender, &to, pack(t, "Factory", "digest", []byte("leaf")), 0))
	require.Empty(t, vmError(t, res.TxResults[0]))
	require.NotEqual(t, abci.CodeTypeOK, res.TxResults[1].Code)
}

func TestTooLongAListOfDeployersChangesNothing(t *testing.T) {
	c := newChain(t, testPlan(t))
	permissions := permissionsAddress
	var txs [][]byte
	for i := range uint64(maxDeployers) {
		who := common.BigToAddress(big.NewInt(int64(i) + 1000))
		txs = append(txs, c.call(deployer, &permissions, pack(t, "InsecurePermissions", "allow", who, big.NewInt(2)), i))
	}
	c.block(txs...)
	_, err := readDeployers(c.app.storage(c.ctx(), permissionsAddress))
	require.Error(t, err)
	require.Len(t, c.app.EVM.GetParams(c.ctx()).AccessControl.Create.AccessControlList, 1, "the old list stays")
}

func TestOnlyEthereumTransactionsOfPlainAccounts(t *testing.T) {
	c := newChain(t, testPlan(t))
	builder := c.app.txConfig.NewTxBuilder()
	from := addressOf(deployer)
	require.NoError(t, builder.SetMsgs(&banktypes.MsgSend{FromAddress: from.Hex(), ToAddress: from.Hex()}))
	_, err := c.app.AnteHandler()(c.ctx(), builder.GetTx(), false)
	require.ErrorContains(t, err, "only Ethereum transactions are accepted")
	require.NoError(t, builder.SetMsgs())
	_, err = c.app.AnteHandler()(c.ctx(), builder.GetTx(), false)
	require.ErrorContains(t, err, "one Ethereum transaction expected")

	authorisation, err := ethtypes.SignSetCode(deployer, ethtypes.SetCodeAuthorization{ChainID: *uint256.NewInt(testChainID),
		Address: factoryAddress, Nonce: c.nonce(deployer) + 1})
	require.NoError(t, err)
	setCode := c.encode(deployer, &ethtypes.SetCodeTx{ChainID: uint256.NewInt(testChainID), Nonce: c.nonce(deployer),
		GasTipCap: new(uint256.Int), GasFeeCap: new(uint256.Int), Gas: 500_000, To: from,
		AuthList: []ethtypes.SetCodeAuthorization{authorisation}, Value: new(uint256.Int)})
	refusedEverywhere(t, c, setCode, "EIP-7702")
}

func TestAForgedSenderIsRefused(t *testing.T) {
	c := newChain(t, testPlan(t))
	to := factoryAddress
	tx := c.wrap(stranger, &ethtypes.LegacyTx{GasPrice: new(big.Int), Gas: 100_000, To: &to})
	msg, err := ethereumMessage(tx)
	require.NoError(t, err)
	msg.From = addressOf(deployer).Bytes()
	built, err := msg.BuildTx(c.app.txConfig.NewTxBuilder(), gasDenom)
	require.NoError(t, err)
	bz, err := c.app.txConfig.TxEncoder()(built)
	require.NoError(t, err)
	require.False(t, c.judge(bz))
	require.NotEqual(t, abci.CodeTypeOK, c.block(bz).TxResults[0].Code)
}

func TestSHA256PrecompileWorks(t *testing.T) {
	c := newChain(t, testPlan(t))
	c.do(sender, factoryAddress, "Factory", "digest", []byte("leaf"))
}
