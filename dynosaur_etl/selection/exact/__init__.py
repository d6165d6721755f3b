"""The modes `exact` and `near-exact`: one pass over all pairs of points."""
