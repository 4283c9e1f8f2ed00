"""Whether this server answers and how far it is behind."""
