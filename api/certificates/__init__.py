"""Certificates of retired credits, for anyone to whom one is shown."""
