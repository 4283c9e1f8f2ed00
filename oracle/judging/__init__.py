"""A call's rows, judged one by one: the staging file; whether a file fits its feed at all; a feed drafted from one."""
