"""`luya gateway`: the JSON-RPC door."""
