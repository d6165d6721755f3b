"""Experiments: each one command, resumable, over seeds, with a positive control and a report."""
