"""Public-good projects, for everybody: terms, progress, deliveries and what lives of them; never who pledged."""
