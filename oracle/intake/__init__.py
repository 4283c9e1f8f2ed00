"""Connectors: a partner's file becomes raw rows, streamed; typed rows; then a staging file on disk, in taking order."""
