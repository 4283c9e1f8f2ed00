"""How a ledger comes to be: its plan, deploying and wiring it, its manifest, and an archive imported into it."""
