"""Bearer tokens: made once, kept as hashes, compared in constant time, revoked. The API's and the door's are of it.

A token is `<prefix>_<id>_<secret>`; the secret is 256 random bits, so its plain SHA-256 is all that has to be kept.
"""
