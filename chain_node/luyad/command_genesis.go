package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func genesisCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "genesis",
		Short: "turn a plan into the network's genesis; the same plan gives the same bytes",
		Args:  cobra.NoArgs,
	}
	from := cmd.Flags().String("plan", "", "the plan, a JSON file")
	out := cmd.Flags().String("out", "", "where the genesis goes")
	for _, name := range []string{"plan", "out"} {
		if err := cmd.MarkFlagRequired(name); err != nil {
			panic(err) // the flag has just been added
		}
	}
	cmd.RunE = func(*cobra.Command, []string) error {
		p, err := readPlan(*from)
		if err != nil {
			return err
		}
		doc, err := makeGenesis(p)
		if err != nil {
			return err
		}
		if err := writeFile(*out, doc, 0o644); err != nil {
			return err
		}
		sum := sha256.Sum256(doc)
		return printJSON(map[string]any{"chain_id": p.ChainID, "evm_chain_id": p.EVMChainID, "sha256": hex.EncodeToString(sum[:]),
			"bytes": len(doc), "validators": len(p.Validators), "contracts": len(p.Contracts)})
	}
	return cmd
}

// writeFile replaces a file as a whole: a crash leaves the old one or the new one.
func writeFile(path string, content []byte, mode os.FileMode) error {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, ".luyad-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temp.Name()) }() // it is gone when all went well
	_, err = temp.Write(content)
	if err == nil {
		err = temp.Chmod(mode)
	}
	if err == nil {
		err = temp.Sync()
	}
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return syncFolder(dir)
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { _ = folder.Close() }()
	return folder.Sync()
}
