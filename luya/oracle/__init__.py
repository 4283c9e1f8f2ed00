"""A partner's side: feeds, and their rows on the way to the ledger."""
