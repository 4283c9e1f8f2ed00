"""From judged rows to final entries: claimed in the journal, signed, handed over, settled from the archive."""
