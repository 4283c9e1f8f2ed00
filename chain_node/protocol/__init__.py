"""The protocol's pure core: codecs, log, proofs, arithmetic, slots and replay; no I/O, no state outside its arguments.

`docs/protocol.md` is the norm; what stands here must agree with it byte for byte. May import only the standard library,
`cryptography`, `eth_hash`, `coincurve` and `rfc8785`: this is all that an offline verifier needs.
"""
