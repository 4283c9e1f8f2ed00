"""A call's rows, read and judged one by one: whether a file fits its feed at all, and the staging file of its rows."""
