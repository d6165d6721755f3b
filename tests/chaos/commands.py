"""Commands as processes: forks of this one, which has loaded the packages already."""

import multiprocessing
import os
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.mutants import MUTANTS

FORKS = multiprocessing.get_context("fork")
LIMIT = 240.0  # seconds for which a command may run


@dataclass
class Command:
    """A command that runs, or has run."""

    words: tuple[str, ...]
    process: Any
    log: Path

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    def wait(self, seconds: float = LIMIT) -> int | None:
        """Return the exit code, negative for a signal; None where it runs on."""
        self.process.join(seconds)
        return None if self.process.exitcode is None else int(self.process.exitcode)

    def end(self) -> int:
        """Return the exit code.

        Raises:
            TimeoutError: the command has not ended; it is killed.
        """
        code = self.wait()
        if code is None:
            self.process.kill()
            self.process.join()
            raise TimeoutError(f"{' '.join(self.words)} runs for more than {LIMIT} s")
        return code


def start(words: tuple[str, ...], values: Mapping[str, str], log: Path, mutant: str) -> Command:
    """Start a command with settings alone, its output in a file."""
    process = FORKS.Process(target=_be, args=(words, dict(values), log, mutant))
    process.start()
    return Command(words, process, log)


def preload() -> None:
    """Load what commands load, so that their forks begin at once."""
    import pyarrow.parquet  # noqa: F401

    import dynosaur_etl.cli.main
    import dynosaur_etl.flows.training_set
    import dynosaur_etl.inference.embedding  # noqa: F401


def _be(words: tuple[str, ...], values: dict[str, str], log: Path, mutant: str) -> None:
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    for name in [name for name in os.environ if name.startswith(("DYNOSAUR_", "OPENAI_", "HF_"))]:
        del os.environ[name]
    os.environ.update(values)
    sys.argv = ["dynosaur", *words]
    random.seed(time.time_ns())
    if mutant:
        MUTANTS[mutant]()
    from dynosaur_etl.cli.main import main

    main()
