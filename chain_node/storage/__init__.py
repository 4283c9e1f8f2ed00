"""What lies on disk: crash-safe files and locks, and how much space is left."""
