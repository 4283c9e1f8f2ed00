"""The `luya` command: a folder a subject, composition only."""
