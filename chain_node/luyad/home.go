package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/viper"
	"github.com/syndtr/goleveldb/leveldb/filter"
	"github.com/syndtr/goleveldb/leveldb/opt"

	cmtcfg "github.com/cometbft/cometbft/config"

	"cosmossdk.io/log/v2"
	dbm "github.com/cosmos/cosmos-db"

	"github.com/cosmos/cosmos-sdk/client/flags"
	"github.com/cosmos/cosmos-sdk/server"
)

// openHome reads a configured node's settings.
func openHome(home string, logs io.Writer) (*server.Context, error) {
	home, err := filepath.Abs(home)
	if err != nil {
		return nil, err
	}
	v := viper.New()
	for i, name := range []string{"config.toml", "app.toml"} {
		path := filepath.Join(home, "config", name)
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s is missing: run 'luyad configure'", path)
		}
		v.SetConfigFile(path)
		read := v.ReadInConfig
		if i > 0 {
			read = v.MergeInConfig
		}
		if err := read(); err != nil {
			return nil, fmt.Errorf("%s cannot be read: %w", path, err)
		}
	}
	v.Set(flags.FlagHome, home)
	c := cmtcfg.DefaultConfig()
	if err := v.Unmarshal(c); err != nil {
		return nil, fmt.Errorf("config.toml: %w", err)
	}
	c.SetRoot(home)
	if err := c.ValidateBasic(); err != nil {
		return nil, fmt.Errorf("config.toml: %w", err)
	}
	ctx := server.NewContext(v, c, log.NewNopLogger())
	logger, err := server.CreateSDKLogger(ctx, logs)
	if err != nil {
		return nil, fmt.Errorf("config.toml: log_level: %w", err)
	}
	ctx.Logger = logger
	return ctx, nil
}

// openApp opens the application's database and the app over it.
func openApp(ctx *server.Context, load bool) (*App, error) {
	db, err := openDatabase(ctx, "application")
	if err != nil {
		return nil, err
	}
	a, err := newApp(ctx.Logger, db, ctx.Viper, load, server.DefaultBaseappOptions(ctx.Viper)...)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return a, nil
}

// openDatabase opens one of the node's databases; two processes can't. A block of records writes megabytes: goleveldb's
// own 4 MiB of buffer mean a compaction or several for each.
func openDatabase(ctx *server.Context, name string) (dbm.DB, error) {
	db, err := dbm.NewGoLevelDBWithOpts(name, filepath.Join(ctx.Config.RootDir, "data"), &opt.Options{
		Filter:              filter.NewBloomFilter(10),
		WriteBuffer:         32 * opt.MiB,
		CompactionTableSize: 4 * opt.MiB,
		CompactionTotalSize: 40 * opt.MiB,
	})
	if err != nil {
		return nil, explainLock(err, ctx.Config.RootDir)
	}
	return db, nil
}

// explainLock says what a database's lock means.
func explainLock(err error, home string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.EAGAIN) || strings.Contains(err.Error(), "resource temporarily unavailable") {
		return fmt.Errorf("%s is in use by another process: is the node running? (%w)", home, err)
	}
	return err
}
