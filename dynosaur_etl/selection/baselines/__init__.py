"""Other selectors to compare with, as orders of all points."""
