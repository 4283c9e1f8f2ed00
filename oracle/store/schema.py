"""The journal's tables.

state of a record: `accepted` (journaled, with sequence, salt and account) → `signed` (in a signed batch) → `final`
(in the archive) or `refused` (by its row, or by the ledger); `set-aside`: no ledger takes it, its sequence passed on;
`superseded`: the settings name another record id since, the row goes on under another key.
A record is *attested* once it has a sequence: final, whatever is sent later. Without one, its verdict holds for the
settings that it came from (`settings`), for that content and that day: sent again, the row is judged again; `earlier`
keeps the verdicts that were replaced, and the call that replaced them.
state of a call: `open` → `held` (delivered, not closed yet) → `done`: from then on its rows are known.
A metro trip is two rows and one record: the entry's row holds it (`role` entry), the exit's points to it by `lead`.
content: SHA-256 of the raw row, where the key is the partner's record id; revoked: the revocation's index in the log.
"""

from typing import Final

VERSION: Final = 2
_NEW_IN_2: Final = """
CREATE TABLE settings (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, document TEXT NOT NULL);
CREATE TABLE earlier (
  record INTEGER NOT NULL, replaced_by INTEGER NOT NULL, call INTEGER NOT NULL, file INTEGER NOT NULL,
  row INTEGER NOT NULL, line INTEGER NOT NULL, state TEXT, rule INTEGER, value TEXT NOT NULL, settings INTEGER,
  PRIMARY KEY (record, replaced_by)) WITHOUT ROWID;
CREATE INDEX record_lead ON record (lead) WHERE lead IS NOT NULL;
CREATE INDEX record_unattested ON record (settings, state) WHERE sequence IS NULL AND lead IS NULL
"""
TABLES: Final = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE call (
  id INTEGER PRIMARY KEY, fingerprint BLOB NOT NULL, state TEXT NOT NULL, today INTEGER NOT NULL,
  at_start INTEGER, at_file INTEGER, at_row INTEGER);
CREATE UNIQUE INDEX call_open ON call (fingerprint) WHERE state != 'done';
CREATE TABLE call_file (
  call INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL, digest BLOB NOT NULL,
  PRIMARY KEY (call, number)) WITHOUT ROWID;
CREATE TABLE record (
  id INTEGER PRIMARY KEY, call INTEGER NOT NULL, file INTEGER NOT NULL, row INTEGER NOT NULL,
  key BLOB NOT NULL UNIQUE, state TEXT, rule INTEGER, value TEXT NOT NULL DEFAULT '', role TEXT, lead INTEGER,
  sequence INTEGER UNIQUE, body BLOB, nullifier BLOB, gas INTEGER,
  log_index INTEGER, credits_mg INTEGER, millipoints INTEGER,
  line INTEGER NOT NULL DEFAULT 0, settings INTEGER, content BLOB, revoked INTEGER);
CREATE TABLE opening (record INTEGER PRIMARY KEY, sealed BLOB NOT NULL);
CREATE TABLE word (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE batch (
  id INTEGER PRIMARY KEY, first_sequence INTEGER NOT NULL, count INTEGER NOT NULL, state TEXT NOT NULL,
  key TEXT NOT NULL UNIQUE, digest BLOB NOT NULL, domain TEXT NOT NULL, config_digest BLOB NOT NULL,
  signatures BLOB NOT NULL, gas INTEGER NOT NULL);
CREATE INDEX batch_live ON batch (first_sequence) WHERE state = 'signed';
CREATE INDEX batch_digest ON batch (digest);
{_NEW_IN_2}
"""
TO_2: Final = f"""
ALTER TABLE record ADD COLUMN line INTEGER NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN settings INTEGER;
ALTER TABLE record ADD COLUMN content BLOB;
ALTER TABLE record ADD COLUMN revoked INTEGER;
{_NEW_IN_2}
"""
"""What a journal of version 1 lacks."""
