package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	cmtcfg "github.com/cometbft/cometbft/config"

	srvconfig "github.com/cosmos/cosmos-sdk/server/config"

	evmconfig "github.com/cosmos/evm/server/config"
)

// nodeSettings is what 'luyad configure' is told; everything else is fixed here.
type nodeSettings struct {
	Moniker    string
	EVMChainID uint64
	P2P        string // host:port, as all addresses; "" leaves the service out where that is allowed
	External   string // the address that peers are told, when it is not P2P's
	RPC        string
	Proxy      string
	JSONRPC    string
	WS         string
	Metrics    string
	Peers      string // id@host:port,…

	TimeoutCommit  time.Duration
	TimeoutPropose time.Duration

	Pruning          string
	SnapshotInterval uint64
	SnapshotKeep     uint32
	StateSyncRPC     string
	StateSyncHeight  int64
	StateSyncHash    string
	StateSyncTrust   time.Duration

	LogLevel  string
	LogFormat string
}

// appConfig is app.toml: the Cosmos SDK's part and the EVM library's.
type appConfig struct {
	srvconfig.Config
	EVM     evmconfig.EVMConfig
	JSONRPC evmconfig.JSONRPCConfig
	TLS     evmconfig.TLSConfig
}

// callGasCap bounds eth_call and eth_estimateGas; callTimeout their time.
const (
	callGasCap  = 60_000_000
	callTimeout = 20 * time.Second
	// maxPeers bounds inbound connections; who may connect at all is the contract's to say.
	maxPeers = 100
)

func (s nodeSettings) check() error {
	if s.EVMChainID == 0 || s.EVMChainID >= maxEVMChainID {
		return fmt.Errorf("configure: --evm-chain-id must be within 1 and 2^53-1, it is %d", s.EVMChainID)
	}
	if s.TimeoutCommit < 0 || s.TimeoutPropose <= 0 {
		return fmt.Errorf("configure: --timeout-commit and --timeout-propose must be durations above zero")
	}
	if s.P2P == "" || s.JSONRPC == "" || s.WS == "" || s.RPC == "" {
		return fmt.Errorf("configure: --p2p, --rpc, --json-rpc and --ws must be addresses")
	}
	for name, address := range map[string]string{"p2p": s.P2P, "external": s.External, "rpc": s.RPC, "proxy": s.Proxy,
		"json-rpc": s.JSONRPC, "ws": s.WS, "metrics": s.Metrics} {
		if _, _, err := net.SplitHostPort(address); address != "" && err != nil {
			return fmt.Errorf("configure: --%s: %q is not host:port", name, address)
		}
	}
	for _, peer := range splitPeers(s.Peers) {
		id, address, _ := strings.Cut(peer, "@")
		if _, err := parseNodeID(id); err != nil {
			return fmt.Errorf("configure: --peers: %w", err)
		}
		if _, _, err := net.SplitHostPort(address); err != nil {
			return fmt.Errorf("configure: --peers: %q is not id@host:port", peer)
		}
	}
	if s.Pruning != "nothing" && s.Pruning != "default" && s.Pruning != "everything" {
		return fmt.Errorf("configure: --pruning must be nothing, default or everything, it is %q", s.Pruning)
	}
	return nil
}

// cometConfig gives config.toml.
func (s nodeSettings) cometConfig(home string) (*cmtcfg.Config, error) {
	c := cometConfigFor(home)
	c.Moniker = s.Moniker
	c.LogLevel, c.LogFormat = s.LogLevel, s.LogFormat
	c.FilterPeers = true // the app is asked for each node that wants to connect (peers.go)
	if s.Proxy != "" {
		c.ProxyApp = "tcp://" + s.Proxy
	}
	c.RPC.ListenAddress = "tcp://" + s.RPC
	c.RPC.PprofListenAddress = ""
	c.P2P.ListenAddress = "tcp://" + s.P2P
	c.P2P.ExternalAddress = s.External
	c.P2P.PersistentPeers = strings.Join(splitPeers(s.Peers), ",")
	c.P2P.PexReactor = false // peers come from the operators, not from other peers
	c.P2P.AddrBookStrict, c.P2P.AllowDuplicateIP = false, true
	c.P2P.MaxNumInboundPeers = maxPeers
	c.P2P.FlushThrottleTimeout = 10 * time.Millisecond
	c.Mempool.Type = cmtcfg.MempoolTypeApp
	c.Consensus.TimeoutCommit = s.TimeoutCommit
	c.Consensus.TimeoutPropose = s.TimeoutPropose
	// The EVM library has an index of its own; CometBFT's would only take disk.
	c.TxIndex.Indexer = "null"
	if s.Metrics != "" {
		c.Instrumentation.Prometheus = true
		c.Instrumentation.PrometheusListenAddr = s.Metrics
	}
	if servers := splitPeers(s.StateSyncRPC); len(servers) > 0 {
		c.StateSync.Enable = true
		if len(servers) == 1 {
			servers = append(servers, servers[0]) // CometBFT wants a witness, too
		}
		c.StateSync.RPCServers = servers
		c.StateSync.TrustHeight, c.StateSync.TrustHash = s.StateSyncHeight, s.StateSyncHash
		c.StateSync.TrustPeriod = s.StateSyncTrust
	}
	if err := c.ValidateBasic(); err != nil {
		return nil, fmt.Errorf("configure: config.toml: %w", err)
	}
	return c, nil
}

// appConfig gives app.toml.
func (s nodeSettings) appConfig() appConfig {
	c := appConfig{*srvconfig.DefaultConfig(), *evmconfig.DefaultEVMConfig(), *evmconfig.DefaultJSONRPCConfig(),
		*evmconfig.DefaultTLSConfig()}
	c.MinGasPrices = "0" + gasDenom
	c.Pruning = s.Pruning
	c.API.Enable, c.GRPC.Enable, c.GRPCWeb.Enable = false, false, false
	c.StateSync.SnapshotInterval, c.StateSync.SnapshotKeepRecent = s.SnapshotInterval, s.SnapshotKeep
	c.Mempool.MaxTxs = 0
	c.EVM.EVMChainID = s.EVMChainID
	c.EVM.Mempool.AccountSlots, c.EVM.Mempool.AccountQueue = 256, 1024
	c.JSONRPC.Enable = true
	c.JSONRPC.EnableIndexer = true
	c.JSONRPC.AllowInsecureUnlock = false
	c.JSONRPC.API = []string{"eth", "net", "web3", "txpool", "debug"}
	c.JSONRPC.Address, c.JSONRPC.WsAddress = s.JSONRPC, s.WS
	c.JSONRPC.GasCap = callGasCap
	c.JSONRPC.EVMTimeout = callTimeout
	return c
}

// write puts config.toml and app.toml into a home; what was there before is replaced.
func (s nodeSettings) write(home string) error {
	if err := s.check(); err != nil {
		return err
	}
	comet, err := s.cometConfig(home)
	if err != nil {
		return err
	}
	dir := filepath.Join(home, "config")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	rendered, err := renderAppConfig(s.appConfig())
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, "app.toml"), rendered, 0o644); err != nil {
		return err
	}
	// CometBFT renders its own file, in place: render beside it, then replace.
	temp := filepath.Join(dir, ".config.toml")
	cmtcfg.WriteConfigFile(temp, comet)
	content, err := os.ReadFile(temp)
	if err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	if err := os.Remove(temp); err != nil {
		return fmt.Errorf("configure: %w", err)
	}
	return writeFile(filepath.Join(dir, "config.toml"), content, 0o644)
}

func renderAppConfig(c appConfig) ([]byte, error) {
	t, err := template.New("app.toml").Parse(srvconfig.DefaultConfigTemplate + evmconfig.DefaultEVMConfigTemplate)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.Execute(&out, c); err != nil {
		return nil, fmt.Errorf("configure: app.toml: %w", err)
	}
	return out.Bytes(), nil
}
