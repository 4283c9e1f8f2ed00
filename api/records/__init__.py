"""What became of a partner's row: recorded, waiting or refused, with the rule, its value and what to do."""
