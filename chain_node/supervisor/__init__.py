"""Watches a chain engine, mends what can be mended, and says exactly what cannot.

`problems` is the catalogue of what can be wrong, with what to do; `measure` looks at disk, clock, ports and locks;
`judge` turns measurements into problems; `supervisor` acts on an engine; `report` tells other processes.
"""
