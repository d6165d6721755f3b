"""Drives installations to their end under random faults."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from random import Random

from tests.chaos import faults
from tests.chaos.check import Truth, mismatches, truth_of
from tests.chaos.world import World, Worlds

DISTURBED = 3
"""How often a command is disturbed before it may end."""

AT_ONCE = 4
"""How many faults meet one run of a command at most."""

TRIES = 6
UNEXPECTED = 1
"""The exit code of an error that nobody foresaw."""

Seconds = dict[tuple[str, ...], float]


def script_of(days: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the commands that grow days and make and publish a version of them."""
    growing = [(name, "--day", day) for day in days for name in ("poll", "grow")]
    return [*growing, ("snapshot",), ("publish", "--to", "./public"), ("audit",)]


def words_of(words: tuple[str, ...], world: World) -> tuple[str, ...]:
    return tuple(word.replace("./public", f"{world.home}/public/store") for word in words)


def undisturbed(shared: Worlds, script: Sequence[tuple[str, ...]]) -> tuple[Truth, Seconds]:
    """Return what an installation holds that nobody disturbs, and how long each command takes.

    Raises:
        RuntimeError: a command does not end with 0.
    """
    seconds: Seconds = {}
    with shared.one("undisturbed") as world:
        for words in script:
            began = time.monotonic()
            run_to_end(words, world)
            seconds[words] = time.monotonic() - began
        run_to_end(("gc", "--older-than", "0"), world)
        return truth_of(world), seconds


def run_to_end(words: tuple[str, ...], world: World) -> None:
    """Run a command until it ends well, as whoever is on call would.

    Raises:
        RuntimeError: it does not, with the end of what it wrote.
    """
    for _ in range(TRIES):
        command = world.start(*words_of(words, world))
        if command.end() == 0:
            return
    told = command.told()[-1500:]
    raise RuntimeError(f"{' '.join(words)} never ends well: {told}")


class Shaking:
    """Shakes one installation after the other, and counts.

    Attributes:
        faults: that were done, by their names.
        mismatches: what differed from the truth, in words.
        worlds: how many installations were driven to their end.
    """

    def __init__(
        self, shared: Worlds, truth: Truth, seconds: Seconds, seed: int, mutant: str
    ) -> None:
        self.shared, self.truth, self.seconds, self.mutant = shared, truth, seconds, mutant
        self.rng, self.seed = Random(seed), seed
        self.faults: Counter[str] = Counter()
        self.mismatches: list[str] = []
        self.worlds = 0

    def one_installation(self, most: int) -> None:
        """Drive an installation to its end under faults, as long as fewer than `most` were done."""
        self.worlds += 1
        done: list[str] = []
        with self.shared.one(f"world-{self.worlds}", self.mutant) as world:
            try:
                for words in self.seconds:
                    self._disturb(words, world, most, done)
                    run_to_end(words, world)
                    self._damage(world, most, done)
                run_to_end(("gc", "--older-than", "0"), world)
                wrong = list(mismatches(world, self.truth))
            except (RuntimeError, TimeoutError) as error:
                wrong = [str(error)]
            for words_ in wrong:
                self._report(f"{words_}\n    after {', '.join(done)}")

    def _disturb(self, words: tuple[str, ...], world: World, most: int, done: list[str]) -> None:
        """Run a command some times with a few faults in each run; one that has ended meets none."""
        for _ in range(self.rng.randint(1, DISTURBED)):
            command = world.start(*words_of(words, world))
            began = time.monotonic()
            for moment in self._moments(words):
                left = began + moment - time.monotonic()
                if command.wait(max(0, left)) is not None or self.faults.total() >= most:
                    break
                name = self.rng.choice(sorted(faults.BESIDE))
                self._note(name, f"{name} at {moment:.2f} s of {' '.join(words)}", done)
                faults.BESIDE[name](world, command, self.rng)
            code = command.end()
            world.fail_requests(0)
            if code == UNEXPECTED:
                self._report(f"{done[-1]}: exit code 1: {command.told()[-1500:]}")

    def _moments(self, words: tuple[str, ...]) -> list[float]:
        number = self.rng.randint(1, AT_ONCE)
        return sorted(self.rng.uniform(0, self.seconds[words]) for _ in range(number))

    def _damage(self, world: World, most: int, done: list[str]) -> None:
        """Damage a file that a row names, and let `repair` mend it."""
        store = world.home / "store"
        files = [path for path in sorted(store.rglob("*.parquet")) if "snapshots" not in path.parts]
        if not files or self.rng.random() < 0.5 or self.faults.total() >= most:
            return
        name = self.rng.choice(sorted(faults.DAMAGE))
        path = self.rng.choice(files)
        self._note(name, f"{name} of {path.relative_to(store)}", done)
        faults.DAMAGE[name](path, self.rng)
        run_to_end(("repair",), world)
        run_to_end(("verify", "--store"), world)

    def _note(self, name: str, words: str, done: list[str]) -> None:
        self.faults[name] += 1
        done.append(words)

    def _report(self, words: str) -> None:
        self.mismatches.append(words)
        sys.stdout.write(f"MISMATCH seed {self.seed} installation {self.worlds}: {words}\n")
        sys.stdout.flush()
