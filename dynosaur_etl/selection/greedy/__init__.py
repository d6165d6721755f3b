"""Greedy algorithms that every mode goes by: lazy on listed pairs, and sampled."""
