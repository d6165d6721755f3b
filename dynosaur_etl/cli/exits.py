"""The exit codes of every command: 0 done, 1 unexpected, 2 wrong usage, and these."""

EXIT_TERMINAL = 3
"""Somebody has to change something."""

EXIT_TRANSIENT = 4
"""A retry can help."""

EXIT_DEFERRED = 5
"""Done in part; something is deferred to the next run."""

EXIT_WARNING = 6
"""All is well, and something will have to be changed soon."""
