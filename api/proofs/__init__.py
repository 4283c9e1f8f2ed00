"""Proofs for anyone: that a leaf hash is in the log, and that a larger log extends a smaller one."""
