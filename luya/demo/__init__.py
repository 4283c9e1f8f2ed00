"""`luya demo`: from nothing to a served, verified ledger."""
