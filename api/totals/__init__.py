"""What the whole ledger adds up to: the public's figures."""
