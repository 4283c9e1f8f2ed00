package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common/hexutil"
	ethtypes "github.com/ethereum/go-ethereum/core/types"
	"github.com/stretchr/testify/require"

	cometcommands "github.com/cometbft/cometbft/cmd/cometbft/commands"

	evmtypes "github.com/cosmos/evm/x/vm/types"
)

func TestRestartGoesOnFromTheSameState(t *testing.T) {
	c := newChain(t, testPlan(t))
	c.do(sender, validatorsAddress, "InsecureValidators", "add", testKey(2), uint64(20), uint32(2))
	height, hash, nonce := c.app.LastBlockHeight(), c.app.LastCommitID().Hash, c.nonce(sender)
	require.NoError(t, c.app.Close())
	c.open()
	require.Equal(t, height, c.app.LastBlockHeight())
	require.Equal(t, hash, c.app.LastCommitID().Hash)
	require.Equal(t, nonce, c.nonce(sender))
	require.Empty(t, changes(t, c.block()), "the set in force is remembered")
	require.Equal(t, map[byte]int64{2: 0}, changes(t, c.do(sender, validatorsAddress, "InsecureValidators", "pop")))
	to := factoryAddress
	refusedEverywhere(t, c, c.call(stranger, &to, nil, 0), "may not send transactions")
}

func TestTwoNodesComeToTheSameHash(t *testing.T) {
	run := func() []byte {
		c := newChain(t, testPlan(t))
		c.do(deployer, permissionsAddress, "InsecurePermissions", "allow", addressOf(stranger), big.NewInt(3))
		c.do(stranger, factoryAddress, "Factory", "make")
		c.do(sender, validatorsAddress, "InsecureValidators", "add", testKey(2), uint64(20), uint32(2))
		hash := c.app.LastCommitID().Hash
		require.NoError(t, c.app.Close())
		return hash
	}
	require.Equal(t, run(), run())
}

// freePort asks the system for a port that is free now.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	return l.Addr().String()
}

// testNodeProcess is a whole node in this process: CometBFT, the app and the JSON-RPC, on real sockets.
type testNodeProcess struct {
	t       *testing.T
	home    string
	url     string
	s       nodeSettings
	cancel  context.CancelFunc
	stopped chan error
}

func newNode(t *testing.T) *testNodeProcess {
	t.Helper()
	n := &testNodeProcess{t: t, home: t.TempDir()}
	id, err := makeIdentity(n.home)
	require.NoError(t, err)
	n.s = testSettings()
	n.s.TimeoutCommit = 100 * time.Millisecond
	p := testPlan(t)
	p.Validators[0].Key = id.ValidatorKey
	raw, err := hex.DecodeString(id.ValidatorKey)
	require.NoError(t, err)
	p.Calls[0].Data = pack(t, "InsecureValidators", "add", [32]byte(raw), uint64(10), uint32(1))
	doc, err := makeGenesis(p)
	require.NoError(t, err)
	require.NoError(t, writeFile(filepath.Join(n.home, "config", "genesis.json"), doc, 0o644))
	return n
}

// start runs the node on new ports: the library's WebSocket server keeps its own as long as the process lives.
func (n *testNodeProcess) start() {
	n.t.Helper()
	n.s.P2P, n.s.RPC, n.s.JSONRPC, n.s.WS = freePort(n.t), freePort(n.t), freePort(n.t), freePort(n.t)
	n.url = "http://" + n.s.JSONRPC
	require.NoError(n.t, n.s.write(n.home))
	srv, err := openHome(n.home, io.Discard)
	require.NoError(n.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel, n.stopped = cancel, make(chan error, 1)
	go func() { n.stopped <- run(ctx, srv) }()
	n.t.Cleanup(cancel)
	n.until("a block", func() bool { return n.height() > 0 })
	evmtypes.DefaultCosmosEVMActivators = nil
}

func (n *testNodeProcess) stop() {
	n.t.Helper()
	n.cancel()
	select {
	case err := <-n.stopped:
		require.NoError(n.t, err, "a clean stop")
	case <-time.After(30 * time.Second):
		n.t.Fatal("the node did not stop")
	}
}

func (n *testNodeProcess) until(what string, done func() bool) {
	n.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !done(); time.Sleep(50 * time.Millisecond) {
		select {
		case err := <-n.stopped:
			n.t.Fatalf("the node has ended: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("no %s", what)
		}
	}
}

// ask makes one JSON-RPC call.
func (n *testNodeProcess) ask(method string, result any, params ...any) error {
	if params == nil {
		params = []any{}
	}
	body, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
	require.NoError(n.t, err)
	res, err := http.Post(n.url, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct {
		Result json.RawMessage
		Error  *struct{ Message string }
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Error != nil {
		return fmt.Errorf("%s", answer.Error.Message)
	}
	return json.Unmarshal(answer.Result, result)
}

func (n *testNodeProcess) height() uint64 {
	var height hexutil.Uint64
	if n.ask("eth_blockNumber", &height) != nil {
		return 0
	}
	return uint64(height)
}

// raw signs a transaction for eth_sendRawTransaction.
func raw(t *testing.T, data ethtypes.TxData, n byte) hexutil.Bytes {
	t.Helper()
	tx, err := ethtypes.SignNewTx(account(n), ethtypes.LatestSignerForChainID(new(big.Int).SetUint64(testChainID)), data)
	require.NoError(t, err)
	bz, err := tx.MarshalBinary()
	require.NoError(t, err)
	return bz
}

func TestNodeRunsStopsRollsBackAndGoesOn(t *testing.T) {
	n := newNode(t)
	n.start()
	to := factoryAddress
	tx := &ethtypes.LegacyTx{GasPrice: new(big.Int), Gas: 200_000, To: &to, Data: pack(t, "Factory", "digest", []byte("leaf"))}
	var hash string
	require.ErrorContains(t, n.ask("eth_sendRawTransaction", &hash, raw(t, tx, 3)), "may not send transactions")
	require.NoError(t, n.ask("eth_sendRawTransaction", &hash, raw(t, tx, 2)))
	var receipt struct {
		Status      hexutil.Uint64
		BlockNumber hexutil.Uint64
	}
	n.until("receipt", func() bool {
		return n.ask("eth_getTransactionReceipt", &receipt, hash) == nil && receipt.BlockNumber > 0
	})
	require.Equal(t, hexutil.Uint64(1), receipt.Status)
	var accounts []string
	require.Error(t, n.ask("eth_accounts", &accounts), "the node keeps no keys")
	srv, err := openHome(n.home, io.Discard)
	require.NoError(t, err)
	_, err = inspect(srv)
	require.ErrorContains(t, err, "is the node running?")
	at := n.height()
	n.stop()

	found, err := inspect(srv)
	require.NoError(t, err)
	require.GreaterOrEqual(t, found.Height, int64(at))
	require.Equal(t, found.StateHeight, found.AppHeight)
	require.True(t, found.IsValidator)
	require.Equal(t, int64(10), found.TotalPower)

	require.NoError(t, rollBack(n.home))
	back, err := inspect(srv)
	require.NoError(t, err)
	require.Equal(t, found.AppHeight-1, back.AppHeight)
	require.Equal(t, back.StateHeight, back.AppHeight)
	n.start()
	n.until("new block", func() bool { return n.height() > uint64(found.Height) })
	require.NoError(t, n.ask("eth_getTransactionReceipt", &receipt, hash), "nothing that was final is lost")
	n.stop()
}

// rollBack runs the command without printing.
func rollBack(home string) error {
	cmd := rollbackCommand()
	cmd.SetArgs([]string{"--home", home})
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	return cmd.Execute()
}

func TestStartSaysWhatIsMissing(t *testing.T) {
	home := t.TempDir()
	_, err := openHome(home, io.Discard)
	require.ErrorContains(t, err, "run 'luyad configure'")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	require.ErrorContains(t, checkPorts(map[string]string{"ws": taken.Addr().String()}, false), "--ws: ")
	_, _, err = cometcommands.RollbackState(cometConfigFor(home), false)
	require.Error(t, err)
	require.Error(t, rollBack(home))
}

func TestKeysAreMadeOnceAndPrivate(t *testing.T) {
	home := t.TempDir()
	first, err := makeIdentity(home)
	require.NoError(t, err)
	again, err := makeIdentity(home)
	require.NoError(t, err)
	require.Equal(t, first, again)
	c := cometConfigFor(home)
	for _, file := range []string{c.NodeKeyFile(), c.PrivValidatorKeyFile(), c.PrivValidatorStateFile()} {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
	}
}

func TestAKeyWithoutItsStateIsRefused(t *testing.T) {
	home := t.TempDir()
	c := cometConfigFor(home)
	_, err := makeIdentity(home)
	require.NoError(t, err)
	key, err := os.ReadFile(c.PrivValidatorKeyFile())
	require.NoError(t, err)
	// No blocks are here, as after a restore of the key alone: that says nothing of what it has signed elsewhere.
	require.NoError(t, os.Remove(c.PrivValidatorStateFile()))
	_, err = makeIdentity(home)
	require.ErrorContains(t, err, "can sign twice")
	require.NoFileExists(t, c.PrivValidatorStateFile())
	now, err := os.ReadFile(c.PrivValidatorKeyFile())
	require.NoError(t, err)
	require.Equal(t, key, now)
}

func TestABeginningThatWasCutOffIsGoneOnWith(t *testing.T) {
	home := t.TempDir()
	c := cometConfigFor(home)
	first, err := makeIdentity(home)
	require.NoError(t, err)
	// The state comes first: cut off between the two, an empty one is there and no key.
	require.NoError(t, os.Remove(c.PrivValidatorKeyFile()))
	second, err := makeIdentity(home)
	require.NoError(t, err)
	require.Equal(t, first.NodeID, second.NodeID)
	require.NotEqual(t, first.ValidatorKey, second.ValidatorKey)
	again, err := makeIdentity(home)
	require.NoError(t, err)
	require.Equal(t, second, again)
}

func TestAStateThatIsNotEmptyWantsItsKey(t *testing.T) {
	home := t.TempDir()
	c := cometConfigFor(home)
	_, err := makeIdentity(home)
	require.NoError(t, err)
	signed := []byte(`{"height": "17", "round": 0, "step": 3}`)
	require.NoError(t, os.WriteFile(c.PrivValidatorStateFile(), signed, 0o600))
	require.NoError(t, os.Remove(c.PrivValidatorKeyFile()))
	_, err = makeIdentity(home)
	require.ErrorContains(t, err, "put the key back")
	require.NoFileExists(t, c.PrivValidatorKeyFile())
}

func TestConfigureReplacesAndChecks(t *testing.T) {
	home := t.TempDir()
	s := testSettings()
	s.Peers = testNode + "@127.0.0.1:26656"
	s.SnapshotInterval = 100
	s.StateSyncRPC, s.StateSyncHeight = "127.0.0.1:1", 5
	s.StateSyncHash, s.StateSyncTrust = strings.Repeat("ab", 32), time.Hour
	require.NoError(t, s.write(home))
	read := func(name string) string {
		content, err := os.ReadFile(filepath.Join(home, "config", name))
		require.NoError(t, err)
		return string(content)
	}
	config, app := read("config.toml"), read("app.toml")
	require.NoError(t, os.WriteFile(filepath.Join(home, "config", "app.toml"), []byte("junk"), 0o600))
	require.NoError(t, s.write(home))
	require.Equal(t, config, read("config.toml"))
	require.Equal(t, app, read("app.toml"))
	srv, err := openHome(home, io.Discard)
	require.NoError(t, err)
	require.True(t, srv.Config.FilterPeers)
	require.False(t, srv.Config.P2P.PexReactor)
	require.Equal(t, "app", srv.Config.Mempool.Type)
	require.Equal(t, s.Peers, srv.Config.P2P.PersistentPeers)
	require.Equal(t, []string{"127.0.0.1:1", "127.0.0.1:1"}, srv.Config.StateSync.RPCServers)
	require.Equal(t, "nothing", srv.Viper.GetString("pruning"))

	for want, spoil := range map[string]func(*nodeSettings){
		"--evm-chain-id": func(s *nodeSettings) { s.EVMChainID = 0 },
		"--peers":        func(s *nodeSettings) { s.Peers = "me@127.0.0.1:1" },
		"id@host:port":   func(s *nodeSettings) { s.Peers = testNode + "@here" },
		"--metrics":      func(s *nodeSettings) { s.Metrics = "9100" },
		"--pruning":      func(s *nodeSettings) { s.Pruning = "some" },
		"--timeout":      func(s *nodeSettings) { s.TimeoutPropose = 0 },
	} {
		broken := testSettings()
		spoil(&broken)
		require.ErrorContains(t, broken.write(home), want)
	}
}
