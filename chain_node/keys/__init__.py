"""Keys at rest: encrypted keystores."""
