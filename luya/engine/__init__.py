"""`luya engine`, and which engine a home runs on."""
