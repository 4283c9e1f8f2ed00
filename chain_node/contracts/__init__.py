"""The contracts from Python: typed handles, their ABI, and what a revert says.

Their sources are in `contracts/` of the repository.
"""
