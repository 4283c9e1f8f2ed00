"""A reduction's proof: making one, and checking one offline."""
