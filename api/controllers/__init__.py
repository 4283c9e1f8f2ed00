"""Who acts for an account, for its owner, auditors and operators."""
