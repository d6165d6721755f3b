"""The short form of `make chaos`: a day with a few random faults ends in the undisturbed truth."""

import subprocess
import sys

from tests.flows.support import ROOT


def test_a_shaken_day_ends_in_the_undisturbed_truth() -> None:
    words = ["--seed", "7", "--faults", "6", "--days", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 faults" in done.stdout
    assert "0 mismatches" in done.stdout
