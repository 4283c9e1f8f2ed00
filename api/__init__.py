"""The API and its read model: what may be read of the ledger, by whom, over HTTP.

`projection/` turns the archive's entries into tables, `store/` holds those tables and their migrations, `web/` holds
what every feature shares (authorisation, caching, limits, problems, logs), and each feature is a folder of its own.
The API knows `chain_node` and never an oracle.
"""
