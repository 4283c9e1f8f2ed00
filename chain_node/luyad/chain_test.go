package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	ethtypes "github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"github.com/stretchr/testify/require"

	abci "github.com/cometbft/cometbft/abci/types"
	"github.com/cometbft/cometbft/crypto/ed25519"
	cmttypes "github.com/cometbft/cometbft/types"

	sdk "github.com/cosmos/cosmos-sdk/types"

	evmtypes "github.com/cosmos/evm/x/vm/types"
)

// testChainID is the one id for which the EVM library lets its package variable be set again, so that one test
// process can make several apps one after the other.
var testChainID = evmtypes.DefaultEVMChainID

var testGenesisTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) {
	setPrefixes()
	os.Exit(m.Run())
}

// artefact is a contract of testdata/contracts.sol.
type artefact struct {
	ABI  abi.ABI `json:"abi"`
	Init string  `json:"init"`
}

func artefacts(t testing.TB) map[string]artefact {
	t.Helper()
	raw, err := os.ReadFile("testdata/contracts.json")
	require.NoError(t, err)
	var out map[string]artefact
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}

// pack encodes a call of a test contract.
func pack(t testing.TB, contract, method string, args ...any) []byte {
	t.Helper()
	data, err := artefacts(t)[contract].ABI.Pack(method, args...)
	require.NoError(t, err)
	return data
}

// initCode is a test contract's init code with its constructor's arguments.
func initCode(t testing.TB, contract string, args ...any) hexutil.Bytes {
	t.Helper()
	a := artefacts(t)[contract]
	packed, err := a.ABI.Pack("", args...)
	require.NoError(t, err)
	return append(common.FromHex(a.Init), packed...)
}

// testKey gives the nth validator key, the same in each run.
func testKey(n byte) (key [32]byte) {
	copy(key[:], ed25519.GenPrivKeyFromSecret([]byte{'v', n}).PubKey().Bytes())
	return key
}

// account is an Ethereum key, the same in each run.
func account(n byte) *ecdsa.PrivateKey {
	key, err := crypto.ToECDSA(bytes.Repeat([]byte{n}, 32))
	if err != nil {
		panic(err)
	}
	return key
}

func addressOf(key *ecdsa.PrivateKey) common.Address { return crypto.PubkeyToAddress(key.PublicKey) }

// The accounts of the test network.
var (
	deployer = account(1) // may send and create
	sender   = account(2) // may send
	stranger = account(3) // may nothing
	member   = account(4) // may send to the Council
	testNode = "00112233445566778899aabbccddeeff00112233"
)

var factoryAddress = common.HexToAddress("0x0000000000000000000000000000004c757961ff")

// testPlan is a network of one validator with the test contracts.
func testPlan(t testing.TB) *plan {
	id, err := parseNodeID(testNode)
	require.NoError(t, err)
	call := func(to common.Address, data []byte) planCall {
		return planCall{From: addressOf(deployer), To: to, Data: data}
	}
	key := testKey(1)
	return &plan{
		ChainID: cometChainID(testChainID), EVMChainID: testChainID, GenesisTime: testGenesisTime,
		MaxGas: 100_000_000, MaxBytes: defaultMaxBytes,
		Contracts: []planContract{
			{Address: validatorsAddress, InitCode: initCode(t, "InsecureValidators")},
			{Address: councilAddress, InitCode: initCode(t, "InsecureCouncil", addressOf(member))},
			{Address: permissionsAddress, InitCode: initCode(t, "InsecurePermissions")},
			{Address: factoryAddress, InitCode: initCode(t, "Factory")},
		},
		Calls: []planCall{
			call(validatorsAddress, pack(t, "InsecureValidators", "add", key, uint64(10), uint32(1))),
			call(validatorsAddress, pack(t, "InsecureValidators", "list", id, uint32(1))),
			call(permissionsAddress, pack(t, "InsecurePermissions", "allow", addressOf(deployer), big.NewInt(3))),
			call(permissionsAddress, pack(t, "InsecurePermissions", "allow", addressOf(sender), big.NewInt(1))),
		},
		Validators: []planValidator{{Name: "one", Key: hex.EncodeToString(key[:]), Power: 10, Organisation: 1}},
		Nodes:      []planNode{{ID: testNode, Organisation: 1}},
	}
}

// chain is an app on a home of its own, driven block by block as CometBFT would.
type chain struct {
	t      testing.TB
	home   string
	app    *App
	height int64
	time   time.Time
}

// newChain makes the home and the genesis of a plan and starts the app on it.
func newChain(t testing.TB, p *plan) *chain {
	t.Helper()
	c := &chain{t: t, home: t.TempDir(), time: p.GenesisTime}
	require.NoError(t, testSettings().write(c.home))
	doc, err := makeGenesis(p)
	require.NoError(t, err)
	require.NoError(t, writeFile(filepath.Join(c.home, "config", "genesis.json"), doc, 0o644))
	c.open()
	_, err = c.app.InitChain(c.initRequest(doc))
	require.NoError(t, err)
	c.block()
	return c
}

func testSettings() nodeSettings {
	return nodeSettings{Moniker: "test", EVMChainID: testChainID, P2P: "127.0.0.1:0", RPC: "127.0.0.1:0", JSONRPC: "127.0.0.1:0",
		WS: "127.0.0.1:0", TimeoutCommit: time.Second, TimeoutPropose: time.Second, Pruning: "nothing", SnapshotKeep: 2,
		LogLevel: "error", LogFormat: "plain"}
}

// open starts the app on the home's databases.
func (c *chain) open() {
	c.t.Helper()
	ctx, err := openHome(c.home, io.Discard)
	require.NoError(c.t, err)
	c.app, err = openApp(ctx, true)
	require.NoError(c.t, err)
	// The library adds its opcodes once a process; a second app has nothing left to add.
	evmtypes.DefaultCosmosEVMActivators = nil
	app := c.app
	c.t.Cleanup(func() { _ = app.Close() })
}

func (c *chain) initRequest(doc []byte) *abci.RequestInitChain {
	c.t.Helper()
	var parsed struct {
		AppState  json.RawMessage `json:"app_state"`
		Consensus struct {
			Validators []struct {
				PubKey struct{ Value []byte } `json:"pub_key"`
				Power  string                 `json:"power"`
			} `json:"validators"`
		} `json:"consensus"`
	}
	require.NoError(c.t, json.Unmarshal(doc, &parsed))
	var updates []abci.ValidatorUpdate
	for _, v := range parsed.Consensus.Validators {
		power, ok := new(big.Int).SetString(v.Power, 10)
		require.True(c.t, ok)
		updates = append(updates, abci.Ed25519ValidatorUpdate(v.PubKey.Value, power.Int64()))
	}
	params := cmttypes.DefaultConsensusParams()
	params.Block.MaxGas, params.Block.MaxBytes = c.maxGas(), defaultMaxBytes
	proto := params.ToProto()
	return &abci.RequestInitChain{Time: c.time, ChainId: cometChainID(testChainID), ConsensusParams: &proto,
		Validators: updates, AppStateBytes: parsed.AppState, InitialHeight: 1}
}

func (c *chain) maxGas() int64 {
	raw, err := os.ReadFile(filepath.Join(c.home, "config", "genesis.json"))
	require.NoError(c.t, err)
	var doc struct {
		Consensus struct {
			Params struct {
				Block struct {
					MaxGas string `json:"max_gas"`
				} `json:"block"`
			} `json:"params"`
		} `json:"consensus"`
	}
	require.NoError(c.t, json.Unmarshal(raw, &doc))
	n, ok := new(big.Int).SetString(doc.Consensus.Params.Block.MaxGas, 10)
	require.True(c.t, ok)
	return n.Int64()
}

func proposer() []byte {
	key := testKey(1)
	return ed25519.PubKey(key[:]).Address()
}

// block executes and commits a block.
func (c *chain) block(txs ...[]byte) *abci.ResponseFinalizeBlock {
	c.t.Helper()
	c.height++
	c.time = c.time.Add(time.Second)
	res, err := c.app.FinalizeBlock(&abci.RequestFinalizeBlock{Height: c.height, Time: c.time, Txs: txs,
		Hash: crypto.Keccak256(big.NewInt(c.height).Bytes()), ProposerAddress: proposer()})
	require.NoError(c.t, err)
	_, err = c.app.Commit()
	require.NoError(c.t, err)
	return res
}

// propose asks the app for a proposal out of its mempool and then what it thinks of it.
func (c *chain) propose() (txs [][]byte, accepted bool) {
	c.t.Helper()
	res, err := c.app.PrepareProposal(&abci.RequestPrepareProposal{Height: c.height + 1, Time: c.time.Add(time.Second),
		MaxTxBytes: defaultMaxBytes, ProposerAddress: proposer()})
	require.NoError(c.t, err)
	return res.Txs, c.judge(res.Txs...)
}

// judge asks the app about somebody else's proposal.
func (c *chain) judge(txs ...[]byte) bool {
	c.t.Helper()
	res, err := c.app.ProcessProposal(&abci.RequestProcessProposal{Height: c.height + 1, Time: c.time.Add(time.Second),
		Txs: txs, Hash: []byte{1}, ProposerAddress: proposer()})
	require.NoError(c.t, err)
	return res.Status == abci.ResponseProcessProposal_ACCEPT
}

// ctx stands on the latest committed state.
func (c *chain) ctx() sdk.Context {
	c.t.Helper()
	ctx, err := c.app.latest()
	require.NoError(c.t, err)
	return ctx
}

func (c *chain) nonce(key *ecdsa.PrivateKey) uint64 {
	return c.app.EVM.GetNonce(c.ctx(), addressOf(key))
}

// call makes a signed transaction at the sender's next nonce plus ahead; to nil creates a contract.
func (c *chain) call(key *ecdsa.PrivateKey, to *common.Address, data []byte, ahead uint64) []byte {
	c.t.Helper()
	return c.encode(key, &ethtypes.LegacyTx{Nonce: c.nonce(key) + ahead, GasPrice: new(big.Int), Gas: 1_000_000, To: to, Data: data})
}

// encode signs an Ethereum transaction and wraps it as CometBFT carries it.
func (c *chain) encode(key *ecdsa.PrivateKey, data ethtypes.TxData) []byte {
	c.t.Helper()
	bz, err := c.app.txConfig.TxEncoder()(c.wrap(key, data))
	require.NoError(c.t, err)
	return bz
}

func (c *chain) wrap(key *ecdsa.PrivateKey, data ethtypes.TxData) sdk.Tx {
	c.t.Helper()
	signer := ethtypes.LatestSignerForChainID(new(big.Int).SetUint64(testChainID))
	tx, err := ethtypes.SignNewTx(key, signer, data)
	require.NoError(c.t, err)
	msg := &evmtypes.MsgEthereumTx{}
	require.NoError(c.t, msg.FromSignedEthereumTx(tx, signer))
	built, err := msg.BuildTx(c.app.txConfig.NewTxBuilder(), gasDenom)
	require.NoError(c.t, err)
	return built
}

// insert puts a transaction through the door of the mempool, as a client that tries again would: the pool learns of a
// new block in the background, and until then it knows no gas limit, nor that an account exists, or it does not answer;
// it may miss the very first one, so that blocks go on meanwhile, as they do in service.
func (c *chain) insert(bz []byte) error {
	c.t.Helper()
	tx, err := c.app.TxDecode(bz)
	require.NoError(c.t, err)
	deadline := time.Now().Add(30 * time.Second)
	for tries := 0; ; tries++ {
		time.Sleep(10 * time.Millisecond)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := c.app.mempool.Insert(ctx, tx)
		cancel()
		if err == nil || strings.Contains(err.Error(), "already known") {
			return nil
		}
		passing := errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "exceeds block gas limit") ||
			strings.Contains(err.Error(), "gapped-nonce")
		if !passing || time.Now().After(deadline) {
			return err
		}
		if tries%20 == 19 {
			c.block()
		}
	}
}

// vmError gives what a transaction of a block failed with inside the EVM, "" when it did not.
func vmError(t testing.TB, res *abci.ExecTxResult) string {
	t.Helper()
	require.Equal(t, uint32(0), res.Code, res.Log)
	response, err := evmtypes.DecodeTxResponse(res.Data)
	require.NoError(t, err)
	return response.VmError
}

// do runs one call of a test contract in a block of its own and wants it to succeed.
func (c *chain) do(key *ecdsa.PrivateKey, to common.Address, contract, method string, args ...any) *abci.ResponseFinalizeBlock {
	c.t.Helper()
	res := c.block(c.call(key, &to, pack(c.t, contract, method, args...), 0))
	require.Empty(c.t, vmError(c.t, res.TxResults[0]))
	return res
}
