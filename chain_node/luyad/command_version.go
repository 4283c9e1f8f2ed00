package main

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// reportedModules are the libraries that decide how the node behaves.
var reportedModules = []string{
	"github.com/cometbft/cometbft",
	"github.com/cosmos/cosmos-sdk",
	"github.com/cosmos/evm",
	"github.com/cosmos/iavl",
	"github.com/ethereum/go-ethereum",
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "print the versions of luyad, Go and the libraries",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return printJSON(map[string]any{"version": appVersion, "go": runtime.Version(), "fault_build": faultBuild,
				"modules": modules()})
		},
	}
}

// modules gives the libraries' versions; one that go.mod replaces is shown as what replaces it.
func modules() map[string]string {
	found := map[string]string{}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return found
	}
	for _, want := range reportedModules {
		for _, m := range info.Deps {
			if m.Path != want {
				continue
			}
			found[want] = m.Version
			if m.Replace != nil {
				found[want] = m.Replace.Path + "@" + m.Replace.Version
			}
		}
	}
	return found
}
