"""From final blocks to the archive."""
