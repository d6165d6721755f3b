"""From the pool to an ordered selection."""
