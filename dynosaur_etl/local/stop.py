"""Stops the systems of the homes that are named: `python -m dynosaur_etl.local.stop HOME...`."""

import sys
from pathlib import Path

from dynosaur_etl.local.system import stop_system


def main(homes: list[str]) -> None:
    """Stop each home's system, and say what was running."""
    stopped = [name for home in homes for name in stop_system(Path(home))]
    sys.stdout.write(f"stopped: {', '.join(stopped) or 'nothing was running'}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
