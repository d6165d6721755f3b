"""Wordings on rights with their labels, and the training of the classifiers that read cards."""
