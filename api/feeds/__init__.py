"""Feeds: which organisation may record what, under whose signatures, and how its records ended."""
