"""The read model's database: tables (`models`), connections (`database`) and migrations (`migrate`, `migrations/`).

SQLite (WAL) by default, PostgreSQL by URL. All but tokens and row outcomes is projected
from the archive, again where the program knows more than the one that did it (`models.PROJECTION_VERSION`).
"""
