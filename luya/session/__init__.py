"""An open home: the node, the oracle's ports, the home's feeds and the read model, put together."""
