"""From the Hub to a day's examined datasets."""
