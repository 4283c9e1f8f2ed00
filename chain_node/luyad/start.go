package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/rpc/client/local"

	// Tracers for debug_traceTransaction.
	_ "github.com/ethereum/go-ethereum/eth/tracers/js"
	_ "github.com/ethereum/go-ethereum/eth/tracers/native"

	dbm "github.com/cosmos/cosmos-db"

	"github.com/cosmos/cosmos-sdk/client"
	"github.com/cosmos/cosmos-sdk/crypto/keyring"
	"github.com/cosmos/cosmos-sdk/server"
	servercmtlog "github.com/cosmos/cosmos-sdk/server/log"
	authtypes "github.com/cosmos/cosmos-sdk/x/auth/types"

	"github.com/cosmos/evm/crypto/hd"
	"github.com/cosmos/evm/indexer"
	evmserver "github.com/cosmos/evm/server"
	evmconfig "github.com/cosmos/evm/server/config"
)

func startCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "start",
		Short: "run the node until SIGTERM or SIGINT; logs go to standard error",
		Args:  cobra.NoArgs,
	}
	home := homeFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		srv, err := openHome(*home, os.Stderr)
		if err != nil {
			return err
		}
		collectLessOften()
		return run(ctx, srv)
	}
	return cmd
}

// collectLessOften lets the heap grow to three times what lives, not two: a node's garbage comes in blocks. GOGC in the
// environment says otherwise.
func collectLessOften() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}

// run holds the whole node: the application, CometBFT over it, and the Ethereum JSON-RPC beside them. It returns nil
// when ctx is done, and an error when a part fails.
func run(ctx context.Context, srv *server.Context) (err error) {
	config, err := checkSettings(srv)
	if err != nil {
		return err
	}
	evmserver.SetEVMLogger(evmserver.NewSlogFromCosmosLogger(srv.Logger.With("module", "evm"), srv.Config.LogLevel))
	app, err := openApp(srv, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close()) }()
	if srv.Config.Instrumentation.Prometheus {
		if err := app.metrics.register(); err != nil {
			return err
		}
	}
	db, err := evmserver.OpenIndexerDB(srv.Config.RootDir, server.GetAppDBBackend(srv.Viper))
	if err != nil {
		return fmt.Errorf("the index of transactions: %w", explainLock(err, srv.Config.RootDir))
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	comet, err := startComet(srv, app)
	if err != nil {
		return err
	}
	defer func() {
		if comet.IsRunning() {
			err = errors.Join(err, comet.Stop())
		}
		comet.Wait()
	}()
	app.mempool.SetEventBus(comet.EventBus())

	// The parts stop before CometBFT and the databases do: group's context ends first.
	group, groupCtx := errgroup.WithContext(ctx)
	logger := servercmtlog.CometLoggerWrapper{Logger: srv.Logger.With("module", appName)}
	group.Go(func() error {
		app.sweepPeers(comet.Switch(), splitPeers(srv.Config.P2P.PersistentPeers), logger, groupCtx.Done())
		return nil
	})
	if err := serveEthereum(groupCtx, group, srv, config, app, comet, db); err != nil {
		return err
	}
	srv.Logger.Warn("luyad runs", "module", appName, "version", appVersion, "chain", app.ChainID(),
		"height", app.LastBlockHeight(), "json_rpc", config.JSONRPC.Address, "fault_build", faultBuild)
	group.Go(func() error {
		<-groupCtx.Done()
		return nil
	})
	err = group.Wait()
	srv.Logger.Warn("luyad stops", "module", appName, "height", app.LastBlockHeight())
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// checkSettings refuses what would only fail later, in the background.
func checkSettings(srv *server.Context) (*evmconfig.Config, error) {
	config, err := evmconfig.GetConfig(srv.Viper)
	if err == nil {
		err = config.ValidateBasic()
	}
	if err == nil {
		err = evmconfig.ValidateCrossConfig(srv.Config, &config)
	}
	if err != nil {
		return nil, fmt.Errorf("app.toml: %w", err)
	}
	doc, err := evmserver.GenDocProvider(srv.Config)()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", srv.Config.GenesisFile(), err)
	}
	if want := cometChainID(config.EVM.EVMChainID); doc.ChainID != want {
		return nil, fmt.Errorf("app.toml is for chain %s, but %s is of %s", want, srv.Config.GenesisFile(), doc.ChainID)
	}
	return &config, checkPorts(map[string]string{
		"p2p":      strings.TrimPrefix(srv.Config.P2P.ListenAddress, "tcp://"),
		"rpc":      strings.TrimPrefix(srv.Config.RPC.ListenAddress, "tcp://"),
		"json-rpc": config.JSONRPC.Address,
		"ws":       config.JSONRPC.WsAddress,
		"metrics":  srv.Config.Instrumentation.PrometheusListenAddr,
	}, srv.Config.Instrumentation.Prometheus)
}

// checkPorts tries each address once: the WebSocket's and the metrics' servers would only log that theirs is taken.
func checkPorts(addresses map[string]string, withMetrics bool) error {
	for name, address := range addresses {
		if name == "metrics" && !withMetrics {
			continue
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return fmt.Errorf("--%s: %s cannot be served: %w", name, address, err)
		}
		if err := listener.Close(); err != nil {
			return err
		}
	}
	return nil
}

// startComet starts CometBFT with the application in the same process.
func startComet(srv *server.Context, app *App) (*node.Node, error) {
	c := srv.Config
	key, err := p2p.LoadNodeKey(c.NodeKeyFile())
	if err != nil {
		return nil, fmt.Errorf("%s: %w: run 'luyad init'", c.NodeKeyFile(), err)
	}
	if err := refuseStrayState(c); err != nil {
		return nil, err
	}
	if _, err := os.Stat(c.PrivValidatorKeyFile()); err != nil {
		return nil, fmt.Errorf("%w: run 'luyad init'", err)
	}
	signer, err := withClock(privval.LoadFilePV(c.PrivValidatorKeyFile(), c.PrivValidatorStateFile()))
	if err != nil {
		return nil, err
	}
	comet, err := node.NewNode(c, signer, key, newQuestions(server.NewCometABCIWrapper(app)),
		evmserver.GenDocProvider(c), cmtcfg.DefaultDBProvider, node.DefaultMetricsProvider(c.Instrumentation),
		servercmtlog.CometLoggerWrapper{Logger: srv.Logger.With("server", "node")})
	if err != nil {
		return nil, fmt.Errorf("CometBFT: %w", explainLock(err, c.RootDir))
	}
	if err := comet.Start(); err != nil {
		return nil, fmt.Errorf("CometBFT: %w", err)
	}
	return comet, nil
}

// serveEthereum starts the index of Ethereum transactions and the JSON-RPC servers within group.
func serveEthereum(ctx context.Context, group *errgroup.Group, srv *server.Context, config *evmconfig.Config, app *App,
	comet *node.Node, db dbm.DB,
) error {
	authtypes.RegisterInterfaces(app.registry)
	c := client.Context{}.WithCodec(app.cdc).WithInterfaceRegistry(app.registry).WithTxConfig(app.txConfig).
		WithLegacyAmino(app.amino).WithAccountRetriever(authtypes.AccountRetriever{}).WithHomeDir(srv.Config.RootDir).
		WithChainID(app.ChainID()).WithViper("").WithClient(local.New(comet)).
		// No key is ever kept in the node: eth_accounts is empty and eth_sendTransaction fails.
		WithKeyring(keyring.NewInMemory(app.cdc, hd.EthSecp256k1Option()))
	app.RegisterTxService(c)
	app.RegisterTendermintService(c)
	app.RegisterNodeService(c, config.Config)
	app.mempool.SetClientCtx(c)

	logger := srv.Logger.With("indexer", "evm")
	index := indexer.NewKVIndexer(db, logger, c)
	service := evmserver.NewEVMIndexerService(index, local.New(comet))
	service.SetLogger(servercmtlog.CometLoggerWrapper{Logger: logger})
	failed := make(chan error, 1)
	go func() { failed <- service.Start() }() // returns only when it fails
	group.Go(func() error {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return fmt.Errorf("the index of transactions: %w", err)
		}
	})
	_, err := evmserver.StartJSONRPC(ctx, srv, c, group, config, index, app, app.mempool)
	return err
}
