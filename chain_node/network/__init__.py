"""Networks of several organisations: made from their public parts, grown and shrunk by their votes.

`parts` is what an organisation tells the others, `genesis` makes the genesis plan of all parts (pure), `folders` and
`founding` keep and make each organisation's folder, `votes` writes what the council is asked (pure), `council` asks it
on a running network, `running` starts nodes and looks at them, `besu` writes the files of a Besu QBFT network.
"""
