"""An account's pledges, for its owner, auditors and operators: each with what became of its units."""
