"""Orders, for the account's owner, auditors and operators: where each stands; never its code."""
