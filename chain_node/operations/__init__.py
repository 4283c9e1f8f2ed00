"""What an operator does with a home: backs it up, restores it, keeps copies, watches it, finds out what is wrong."""
