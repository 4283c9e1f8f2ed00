"""From the archive to the read model.

`projector` reads new entries and writes what they change in one transaction with the cursor; `effects` is its pure
part; `outcomes` takes what partners' journals say of their rows; `compare` finds where the read model is not what the
archive says.
"""
