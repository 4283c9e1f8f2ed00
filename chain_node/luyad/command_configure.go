package main

import (
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

func configureCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "configure",
		Short: "write the node's config.toml and app.toml; what was there is replaced",
		Args:  cobra.NoArgs,
	}
	home := homeFlag(cmd)
	var s nodeSettings
	f := cmd.Flags()
	f.StringVar(&s.Moniker, "moniker", appName, "the node's name, as its peers see it")
	f.Uint64Var(&s.EVMChainID, "evm-chain-id", 0, "the network's EVM chain id")
	f.StringVar(&s.P2P, "p2p", "127.0.0.1:26656", "where peers connect")
	f.StringVar(&s.External, "external", "", "the address under which peers reach --p2p, when it is another")
	f.StringVar(&s.RPC, "rpc", "127.0.0.1:26657", "CometBFT's RPC (status, light clients, state sync)")
	f.StringVar(&s.Proxy, "proxy", "", "CometBFT's proxy_app; unused, the application runs inside this process")
	f.StringVar(&s.JSONRPC, "json-rpc", "127.0.0.1:8545", "the Ethereum JSON-RPC over HTTP")
	f.StringVar(&s.WS, "ws", "127.0.0.1:8546", "the Ethereum JSON-RPC over WebSocket")
	f.StringVar(&s.Metrics, "metrics", "", "Prometheus metrics; empty serves none")
	f.StringVar(&s.Peers, "peers", "", "peers to stay connected to: id@host:port,…")
	f.DurationVar(&s.TimeoutCommit, "timeout-commit", time.Second, "the pause after each block")
	f.DurationVar(&s.TimeoutPropose, "timeout-propose", 3*time.Second, "how long a proposal is waited for")
	f.StringVar(&s.Pruning, "pruning", "nothing", "which old states are dropped: nothing (archive), default, everything")
	f.Uint64Var(&s.SnapshotInterval, "snapshot-interval", 0, "blocks between snapshots for state sync; 0 makes none")
	f.Uint32Var(&s.SnapshotKeep, "snapshot-keep", 2, "how many snapshots are kept")
	f.StringVar(&s.StateSyncRPC, "state-sync-rpc", "", "start from a snapshot, checked against these CometBFT RPCs: host:port,…")
	f.Int64Var(&s.StateSyncHeight, "state-sync-height", 0, "a height whose block hash the operator knows")
	f.StringVar(&s.StateSyncHash, "state-sync-hash", "", "that block's hash, hex")
	f.DurationVar(&s.StateSyncTrust, "state-sync-trust", 168*time.Hour, "how long that hash is trusted")
	f.StringVar(&s.LogLevel, "log-level", "warn", "level, or module:level,…,*:level")
	f.StringVar(&s.LogFormat, "log-format", "json", "json or plain")
	cmd.RunE = func(*cobra.Command, []string) error {
		if err := s.write(*home); err != nil {
			return err
		}
		return printJSON(map[string]any{"config": filepath.Join(*home, "config"), "evm_chain_id": s.EVMChainID,
			"chain_id": cometChainID(s.EVMChainID)})
	}
	return cmd
}
