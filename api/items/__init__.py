"""The catalogue, for everybody: what points buy, on which terms, and what is left of it."""
