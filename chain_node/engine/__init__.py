"""Chain engines: `anvil` (embedded), `luyad` (durable), `rpc` (any endpoint). `base.Engine` says what each states."""
