"""Bearer tokens: made, listed and revoked by the operator (`luya token …`), checked on every request.

A token is `luya_<id>_<secret>`; the secret is 256 random bits, so its plain SHA-256 is all that has to be kept.
"""
