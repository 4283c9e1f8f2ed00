"""The permissioned JSON-RPC door in front of any engine: who may read what, who may send, which methods, how much.

A request goes one way: `door` (HTTP) or `sockets` (WebSocket) finds the caller (`identify`, `callers`, `siwe`), `wire`
parses within limits, `service` asks `policy`, `budgets` and `guards` and writes `audit`; `methods` answers from
`cache`, `logs`, `filters` or the nodes (`pool`). What reaches a node is written anew from what was checked, never the
caller's bytes.
"""
