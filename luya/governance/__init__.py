"""`luya governance`: who may do what on a ledger, as its chain says."""
