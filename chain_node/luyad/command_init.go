package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	cmtcfg "github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/crypto/ed25519"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
)

// identity is the public part of a node's keys.
type identity struct {
	NodeID       string `json:"node_id"`       // 40 hex digits, from node_key.json
	ValidatorKey string `json:"validator_key"` // ed25519, 64 hex digits, from priv_validator_key.json
}

func initCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init",
		Short: "make the node's keys where they are missing and print their public part",
		Args:  cobra.NoArgs,
	}
	home := homeFlag(cmd)
	cmd.Flags().String("moniker", "", "accepted for symmetry; 'luyad configure' writes the name down")
	cmd.RunE = func(*cobra.Command, []string) error {
		id, err := makeIdentity(*home)
		if err != nil {
			return err
		}
		return printJSON(id)
	}
	return cmd
}

// cometConfigFor gives CometBFT's default settings with the paths of a home.
func cometConfigFor(home string) *cmtcfg.Config {
	c := cmtcfg.DefaultConfig()
	c.SetRoot(home)
	return c
}

// makeIdentity makes the two keys of a node where they are missing; private files are the owner's alone.
func makeIdentity(home string) (*identity, error) {
	c := cometConfigFor(home)
	for _, dir := range []string{filepath.Join(home, "config"), filepath.Join(home, "data")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("init: %w", err)
		}
	}
	node, err := p2p.LoadOrGenNodeKey(c.NodeKeyFile())
	if err != nil {
		return nil, fmt.Errorf("init: %s: %w", c.NodeKeyFile(), err)
	}
	_, blocksErr := os.Stat(filepath.Join(c.DBDir(), "blockstore.db"))
	if err := refuseStrayState(c, errors.Is(blocksErr, fs.ErrNotExist)); err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	if _, err := os.Stat(c.PrivValidatorKeyFile()); err == nil {
		if _, err := os.Stat(c.PrivValidatorStateFile()); err != nil {
			restoreState(c)
		}
	}
	key, err := privval.LoadOrGenFilePV(c.PrivValidatorKeyFile(), c.PrivValidatorStateFile()).GetPubKey()
	if err != nil {
		return nil, fmt.Errorf("init: %s: %w", c.PrivValidatorKeyFile(), err)
	}
	for _, file := range []string{c.NodeKeyFile(), c.PrivValidatorKeyFile(), c.PrivValidatorStateFile()} {
		if err := os.Chmod(file, 0o600); err != nil {
			return nil, fmt.Errorf("init: %w", err)
		}
	}
	return publicPart(node, key.(ed25519.PubKey)), nil
}

// refuseStrayState keeps CometBFT from making a new key, or ending the process, over half a pair of files. A key
// without its state is all right only where nothing was ever signed: when init finds no blocks.
func refuseStrayState(c *cmtcfg.Config, neverStarted bool) error {
	_, keyErr := os.Stat(c.PrivValidatorKeyFile())
	_, stateErr := os.Stat(c.PrivValidatorStateFile())
	switch {
	case errors.Is(keyErr, fs.ErrNotExist) && stateErr == nil:
		return fmt.Errorf("%s is there but its key %s is not: put the key back, or take the state file away if this "+
			"shall become a new validator", c.PrivValidatorStateFile(), c.PrivValidatorKeyFile())
	case keyErr == nil && errors.Is(stateErr, fs.ErrNotExist) && !neverStarted:
		return fmt.Errorf("%s is there but what it last signed (%s) is not: put that file back; a validator that has "+
			"forgotten what it signed can sign twice", c.PrivValidatorKeyFile(), c.PrivValidatorStateFile())
	}
	return nil
}

// restoreState makes the missing state file of a key that has never signed.
func restoreState(c *cmtcfg.Config) {
	pv := privval.LoadFilePVEmptyState(c.PrivValidatorKeyFile(), c.PrivValidatorStateFile())
	pv.LastSignState.Save()
}

func publicPart(node *p2p.NodeKey, key ed25519.PubKey) *identity {
	return &identity{NodeID: string(node.ID()), ValidatorKey: hex.EncodeToString(key)}
}
