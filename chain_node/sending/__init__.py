"""The one way onto the chain: one owner of the nonces signs, sends, sends again, and knows what became of it."""
