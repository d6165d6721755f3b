"""Selection by information gain on a graph of labels (MIG, arXiv 2504.13835)."""
