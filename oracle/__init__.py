"""What a partner runs: its files in, an attested record per action out, and what became of every row.

`intake` reads, `verify` judges, `attest` batches and signs, `submit` hands over and settles, `store` remembers.
`ingest.ingest` is the whole way in one call. The ledger, the archive and the registrar are `ports`: the oracle never
knows which engine or which API stands behind them.
"""
