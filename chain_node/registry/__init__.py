"""The registrar: which person of which organisation has which account. One encrypted store, of this node alone."""
