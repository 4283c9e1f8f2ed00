"""Residents' accounts, for their owners, auditors and operators: balances, debt, and every entry about them."""
