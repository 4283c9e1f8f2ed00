"""The log's newest signed checkpoint: what everything else is proven against."""
