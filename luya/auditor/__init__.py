"""`luya auditor`: for those who check the ledger from outside."""
