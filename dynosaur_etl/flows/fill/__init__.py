"""From tasks and sampled rows to instances."""
