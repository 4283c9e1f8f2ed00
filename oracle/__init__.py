"""What a partner runs: its files in, an attested record per action out, and what became of every row.

`feeds` says how its files are written, `intake` reads them, `families` and `judging` say what each row is worth,
`attest` batches and signs, `submitting` hands over and settles, `store` remembers. `calls.ingest.ingest` is the whole
way in one call. The ledger, the archive and the registrar are `ports`: the oracle never knows which engine or which API
stands behind them.
"""
