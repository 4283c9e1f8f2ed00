"""Methodologies: what one action is worth by the law on the chain, with the published text where it is shipped."""
