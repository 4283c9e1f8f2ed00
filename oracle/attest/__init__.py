"""From verified records to signed batches: how many go together, what they cost, who signs."""
