"""Chain engines: `anvil` (embedded) and `rpc` (any endpoint). `base.Engine` says what each of them states."""
