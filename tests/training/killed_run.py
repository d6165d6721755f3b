"""A process that trains and kills itself after a step: `killed_run.py HOME METHOD STEP`."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from dynosaur_etl.training.loading import find_model
from dynosaur_etl.training.presets import TINY
from dynosaur_etl.training.session import Job, run_job
from tests.training.tiny import small_set

METHODS = {
    "full": TINY,
    "lora": TINY.changed(method="lora", rank=4, packing=True),
    "top-layers": TINY.changed(method="top-layers", layers=2, step_tokens=200),
}


def job(home: Path, method: str) -> Job:
    return Job(find_model(home / "model"), small_set(), METHODS[method], home / "cache", seed=3)


if __name__ == "__main__":
    home, last = Path(sys.argv[1]), int(sys.argv[3])

    def watch(point: Mapping[str, float]) -> None:
        if point["step"] == last:
            os.kill(os.getpid(), signal.SIGKILL)

    run_job(job(home, sys.argv[2]), home / "runs", watch)
