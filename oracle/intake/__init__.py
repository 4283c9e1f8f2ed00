"""Readers: a partner's file becomes raw rows, streamed; a field's text becomes a number, an instant or a place."""
