"""One node composed: home, settings, engine, ledger, follower, and the checks of the whole."""
