"""`luya network`: networks of several organisations."""
