"""The ledger node: engine, contracts' handles, deployment, sender, follower, archive and registrar.

Knows nothing of oracles or of the API. `protocol/` is the pure core that both of them share with it.
"""
