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
	cmtjson "github.com/cometbft/cometbft/libs/json"
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
	pv, err := loadOrMakeValidator(c)
	if err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	for _, file := range []string{c.NodeKeyFile(), c.PrivValidatorKeyFile(), c.PrivValidatorStateFile()} {
		if err := os.Chmod(file, 0o600); err != nil {
			return nil, fmt.Errorf("init: %w", err)
		}
	}
	return publicPart(node, pv.Key.PubKey.(ed25519.PubKey)), nil
}

// loadOrMakeValidator gives the validator's key with what it last signed. Only a key that is made here begins with an
// empty state, and the state is on disk before it: so a key without its state has lost it, and an empty state without a
// key is left of a beginning that was cut off.
func loadOrMakeValidator(c *cmtcfg.Config) (*privval.FilePV, error) {
	keyFile, stateFile := c.PrivValidatorKeyFile(), c.PrivValidatorStateFile()
	if err := refuseStrayState(c); err != nil {
		return nil, err
	}
	if _, err := os.Stat(keyFile); err == nil {
		return privval.LoadFilePV(keyFile, stateFile), nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	pv := privval.GenFilePV(keyFile, stateFile)
	pv.LastSignState.Save()
	for _, dir := range []string{filepath.Dir(stateFile), c.RootDir} {
		if err := syncFolder(dir); err != nil {
			return nil, err
		}
	}
	pv.Key.Save()
	return pv, syncFolder(filepath.Dir(keyFile))
}

// refuseStrayState keeps CometBFT from making a new key, or ending the process, over half a pair of files; and from
// forgetting what a key has signed, which would let it sign twice.
func refuseStrayState(c *cmtcfg.Config) error {
	keyFile, stateFile := c.PrivValidatorKeyFile(), c.PrivValidatorStateFile()
	_, keyErr := os.Stat(keyFile)
	_, stateErr := os.Stat(stateFile)
	switch {
	case errors.Is(keyErr, fs.ErrNotExist) && stateErr == nil && !isEmptyState(stateFile):
		return fmt.Errorf("%s is there but its key %s is not: put the key back, or take the state file away if this "+
			"shall become a new validator", stateFile, keyFile)
	case keyErr == nil && errors.Is(stateErr, fs.ErrNotExist):
		return fmt.Errorf("%s is there but what it last signed (%s) is not: put that file back; a validator that has "+
			"forgotten what it signed can sign twice. If it is lost, make a new key and have it voted in: "+
			"'luya network second', then 'luya network vote rotate'", keyFile, stateFile)
	}
	return nil
}

// isEmptyState tells the state of a key that has never signed.
func isEmptyState(path string) bool {
	raw, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	var state privval.FilePVLastSignState
	if err := cmtjson.Unmarshal(raw, &state); err != nil {
		return false
	}
	return state.Height == 0 && state.Round == 0 && state.Step == 0 && state.Signature == nil && state.SignBytes == nil
}

func publicPart(node *p2p.NodeKey, key ed25519.PubKey) *identity {
	return &identity{NodeID: string(node.ID()), ValidatorKey: hex.EncodeToString(key)}
}
