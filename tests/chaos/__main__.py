"""Shakes installations while their commands run, and compares what is left with the truth.

python -m tests.chaos [--seed N] [--faults N] [--minutes N] [--mutant NAME] [--days 1|2]

The exit code is 1 where something differs; the faults that were done, by kind, and each mismatch
are written to standard output.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.commands import preload
from tests.chaos.mutants import MUTANTS
from tests.chaos.shaking import Shaking, script_of, undisturbed
from tests.chaos.world import worlds
from tests.flows.versioned import DAYS


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=500)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--mutant", choices=sorted(MUTANTS), default="")
    parser.add_argument("--days", type=int, choices=(1, 2), default=2)
    asked = parser.parse_args()
    began = time.monotonic()
    preload()
    with tempfile.TemporaryDirectory(prefix="dynosaur-chaos-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        with worlds(folder, asked.seed) as shared:
            script = script_of(DAYS[: asked.days])
            truth, seconds = undisturbed(shared, script)
            shaking = Shaking(shared, truth, seconds, asked.seed, asked.mutant)
            while (
                shaking.faults.total() < asked.faults
                and time.monotonic() - began < asked.minutes * 60
            ):
                shaking.one_installation(asked.faults)
    _tell(f"{shaking.faults.total()} faults: {dict(shaking.faults.most_common())}")
    _tell(f"{shaking.worlds} installations, {time.monotonic() - began:.0f} s, seed {asked.seed}")
    _tell(f"{len(shaking.mismatches)} mismatches")
    sys.exit(1 if shaking.mismatches else 0)


def _tell(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
