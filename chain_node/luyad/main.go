package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"
)

func main() {
	setPrefixes()
	root := &cobra.Command{
		Use:           appName,
		Short:         "a node of the Luya ledger",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(initCommand(), genesisCommand(), configureCommand(), startCommand(), rollbackCommand(),
		inspectCommand(), versionCommand())
	if err := root.Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", appName, err)
		os.Exit(1)
	}
}

// printJSON writes a command's one answer, a JSON object on a line.
func printJSON(answer any) error {
	return json.NewEncoder(os.Stdout).Encode(answer)
}

// homeFlag adds the flag that every command about a node has.
func homeFlag(cmd *cobra.Command) *string {
	home := cmd.Flags().String("home", "", "the node's folder")
	if err := cmd.MarkFlagRequired("home"); err != nil {
		panic(err) // the flag has just been added
	}
	return home
}
