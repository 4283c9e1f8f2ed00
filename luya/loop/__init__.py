"""The closed loop by hand: what operators, merchants and acceptors do with a home."""
