"""The suite that any chain engine must pass before a ledger runs on it."""
