"""`luya bench`: what this machine does."""
