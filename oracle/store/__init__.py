"""What an oracle remembers: one journal a feed, on disk before anything is acknowledged."""
