"""Running a ledger: up, status, fsck, copies, backup and restore."""
