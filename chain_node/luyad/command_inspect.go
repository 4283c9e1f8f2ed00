package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	cmtdb "github.com/cometbft/cometbft-db"
	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	cmtstate "github.com/cometbft/cometbft/state"
	cmtstore "github.com/cometbft/cometbft/store"

	"cosmossdk.io/log/v2"

	"github.com/cosmos/cosmos-sdk/server"
	"github.com/cosmos/cosmos-sdk/store/v2/rootmulti"
)

// inspection is what lies on a node's disk.
type inspection struct {
	*identity
	ChainID       string             `json:"chain_id"`
	Height        int64              `json:"height"`       // the last block in store
	BaseHeight    int64              `json:"base_height"`  // the first one
	StateHeight   int64              `json:"state_height"` // the last block that CometBFT's state has applied
	AppHeight     int64              `json:"app_height"`   // the last block that the application has committed
	AppHash       string             `json:"app_hash"`     // the application's, after app_height
	LastBlockTime *time.Time         `json:"last_block_time,omitempty"`
	Validators    []inspectValidator `json:"validators"`
	TotalPower    int64              `json:"total_power"`
	IsValidator   bool               `json:"is_validator"`
	Bytes         map[string]int64   `json:"bytes"` // of each database
}

type inspectValidator struct {
	Key   string `json:"key"`
	Power int64  `json:"power"`
}

func inspectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inspect",
		Short: "print what a node that is not running has on its disk",
		Args:  cobra.NoArgs,
	}
	home := homeFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		ctx, err := openHome(*home, io.Discard)
		if err != nil {
			return err
		}
		found, err := inspect(ctx)
		if err != nil {
			return err
		}
		return printJSON(found)
	}
	return cmd
}

// inspect opens the databases, which only one process can do at a time.
func inspect(ctx *server.Context) (*inspection, error) {
	found := &inspection{Validators: []inspectValidator{}, Bytes: map[string]int64{}}
	if err := found.readKeys(ctx); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(ctx.Config.DBDir(), "blockstore.db")); err != nil {
		return found, nil //nolint:nilerr // never started: nothing there yet
	}
	if err := found.readComet(ctx); err != nil {
		return nil, err
	}
	if err := found.readApplication(ctx); err != nil {
		return nil, err
	}
	for _, name := range []string{"application.db", "blockstore.db", "state.db", "evmindexer.db", "cs.wal", "snapshots"} {
		found.Bytes[name] = folderBytes(filepath.Join(ctx.Config.DBDir(), name))
	}
	return found, nil
}

func (f *inspection) readKeys(ctx *server.Context) error {
	c := ctx.Config
	node, err := p2p.LoadNodeKey(c.NodeKeyFile())
	if err != nil {
		return fmt.Errorf("%s: %w: run 'luyad init'", c.NodeKeyFile(), err)
	}
	if _, err := os.Stat(c.PrivValidatorKeyFile()); err != nil {
		return fmt.Errorf("%w: run 'luyad init'", err)
	}
	key := privval.LoadFilePVEmptyState(c.PrivValidatorKeyFile(), c.PrivValidatorStateFile()).Key.PubKey
	f.identity = publicPart(node, key.(ed25519.PubKey))
	return nil
}

func (f *inspection) readComet(ctx *server.Context) error {
	blocks, err := cmtdb.NewDB("blockstore", cmtdb.BackendType(ctx.Config.DBBackend), ctx.Config.DBDir())
	if err != nil {
		return explainLock(err, ctx.Config.RootDir)
	}
	defer func() { _ = blocks.Close() }()
	span := cmtstore.LoadBlockStoreState(blocks)
	f.Height, f.BaseHeight = span.Height, span.Base

	states, err := cmtdb.NewDB("state", cmtdb.BackendType(ctx.Config.DBBackend), ctx.Config.DBDir())
	if err != nil {
		return explainLock(err, ctx.Config.RootDir)
	}
	defer func() { _ = states.Close() }()
	state, err := cmtstate.NewStore(states, cmtstate.StoreOptions{}).Load()
	if err != nil {
		return fmt.Errorf("CometBFT's state: %w", err)
	}
	f.ChainID, f.StateHeight = state.ChainID, state.LastBlockHeight
	if state.LastBlockHeight > 0 {
		f.LastBlockTime = &state.LastBlockTime
	}
	if state.Validators != nil {
		for _, v := range state.Validators.Validators {
			key := hex.EncodeToString(v.PubKey.Bytes())
			f.Validators = append(f.Validators, inspectValidator{Key: key, Power: v.VotingPower})
			f.TotalPower += v.VotingPower
			f.IsValidator = f.IsValidator || key == f.ValidatorKey
		}
	}
	return nil
}

func (f *inspection) readApplication(ctx *server.Context) error {
	db, err := openDatabase(ctx, "application")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if f.AppHeight = rootmulti.GetLatestVersion(db); f.AppHeight == 0 {
		return nil
	}
	commit, err := rootmulti.NewStore(db, log.NewNopLogger()).GetCommitInfo(f.AppHeight)
	if err != nil {
		return fmt.Errorf("the application's state at height %d: %w", f.AppHeight, err)
	}
	f.AppHash = hex.EncodeToString(commit.Hash())
	return nil
}

// folderBytes adds up the files of a folder; what cannot be read counts nothing.
func folderBytes(path string) (total int64) {
	_ = filepath.Walk(path, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	return total
}
