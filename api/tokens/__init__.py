"""Bearer tokens: made, listed and revoked by the operator (`luya token …`), checked on every request.

A token is `luya_<id>_<secret>`, of the kind that `chain_node.tokens` makes and compares.
"""
