"""Log entries for those who may read them: the whole provenance of one, and its proof bundle."""
