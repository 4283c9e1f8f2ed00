"""How a chain engine is spoken to: JSON-RPC over HTTP, and several endpoints as one."""
