package main

import (
	"encoding/hex"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	cometcommands "github.com/cometbft/cometbft/cmd/cometbft/commands"
)

func rollbackCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollback",
		Short: "take the state back by one block after a torn commit; the block itself stays and is executed again",
		Long: "A process killed in the middle of a commit can leave a state that does not open again ('version does not\n" +
			"exist'). This takes CometBFT's state and the application's back to the block before, from where the next start\n" +
			"goes on by itself. Nothing that was final is lost.",
		Args: cobra.NoArgs,
	}
	home := homeFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		ctx, err := openHome(*home, os.Stderr)
		if err != nil {
			return err
		}
		a, err := openApp(ctx, false)
		if err != nil {
			return err
		}
		defer func() { _ = a.Close() }()
		height, hash, err := cometcommands.RollbackState(ctx.Config, false)
		if err != nil {
			return fmt.Errorf("rollback: CometBFT's state: %w", explainLock(err, *home))
		}
		// The stores are opened at the height they go back to: the one after it may be torn.
		if err := a.LoadVersion(height); err != nil {
			return fmt.Errorf("rollback: opening the application's state at height %d: %w", height, err)
		}
		if err := a.CommitMultiStore().RollbackToVersion(height); err != nil {
			return fmt.Errorf("rollback: the application's state: %w", err)
		}
		return printJSON(map[string]any{"height": height, "app_hash": hex.EncodeToString(hash)})
	}
	return cmd
}
