"""The read model's database: tables (`models`), connections (`database`) and migrations (`migrate`, `migrations/`).

SQLite (WAL) by default, PostgreSQL by URL. All but tokens and row outcomes can be rebuilt from the archive.
"""
