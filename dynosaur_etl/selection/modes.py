"""Which mode runs, and why.

The choice is a function of the pool's size, the picks, the memory limit and the CPU cores alone,
never of how busy the machine is, so that the same arguments give the same picks tomorrow. What is
free at the moment can only refuse.
"""

from dataclasses import dataclass

import numpy as np

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.selection import memory
from dynosaur_etl.selection.graph.neighbour_graph import default_neighbours
from dynosaur_etl.selection.problem.specification import MODES, Specification
from dynosaur_etl.selection.vectors.threads import cpu_count

CONCRETE = MODES[1:]
LONGEST_PASS_S = {"exact": 30.0, "near-exact": 60.0}
_PASS_FLOPS_PER_CORE = 35e9
_USABLE = 0.8


@dataclass(frozen=True)
class Machine:
    """What a choice rests on.

    Attributes:
        memory_limit: bytes that a selection may take at most.
        cores: CPU cores.
    """

    memory_limit: int
    cores: int

    @classmethod
    def of(cls, specification: Specification) -> "Machine":
        """Return what is specified, or this machine's cores and four fifths of its memory."""
        limit = specification.memory_limit
        usable = int(_USABLE * memory.limit_bytes()) if limit is None else limit
        return cls(usable, specification.cores or cpu_count())


@dataclass(frozen=True)
class ModeChoice:
    """The mode that runs, the reason in words, and what it rests on."""

    mode: str
    reason: str
    machine: Machine


@dataclass(frozen=True)
class Size:
    """Points, their dimensions, and about how many of them are picked."""

    count: int
    dimensions: int
    picks: int

    def need(self, mode: str) -> int:
        """Return the bytes that a mode takes."""
        neighbours = default_neighbours(self.count, self.picks)
        return memory.expected_bytes(mode, self.count, self.dimensions, neighbours)

    def pass_seconds(self, cores: int) -> float:
        """Estimate how long one pass over all pairs takes."""
        return self.count**2 * self.dimensions / (_PASS_FLOPS_PER_CORE * cores)


def choose(specification: Specification, size: Size, has_graph: bool = False) -> ModeChoice:
    """Return the mode that will run.

    Raises:
        InvalidInput: the mode is in conflict with a given graph, or without the memory it needs.
    """
    mode, machine = specification.mode, Machine.of(specification)
    if has_graph and mode not in ("auto", "graph"):
        raise InvalidInput(not_allowed("mode with a graph", mode, ("auto", "graph")))
    if mode != "auto":
        chosen = ModeChoice(mode, "specified", machine)
    elif has_graph:
        chosen = ModeChoice("graph", "a graph was given", machine)
    else:
        chosen = automatic(size, machine)
    _refuse_without_memory(chosen.mode, size, machine)
    return chosen


def automatic(size: Size, machine: Machine) -> ModeChoice:
    """Return the most exact mode that fits the memory and whose pass over all pairs is bearable."""
    seconds = size.pass_seconds(machine.cores)
    passed: list[str] = []
    for mode in CONCRETE:
        need = size.need(mode)
        if need > machine.memory_limit:
            passed.append(f"{mode} needs {_gib(need)}")
        elif seconds > LONGEST_PASS_S.get(mode, np.inf):
            passed.append(f"{mode} takes a pass of about {seconds:.0f} s")
        else:
            fits = f"needs {_gib(need)} of {_gib(machine.memory_limit)}"
            return ModeChoice(mode, "; ".join([*passed, f"{mode} {fits}"]), machine)
    return ModeChoice(CONCRETE[-1], "; ".join(passed), machine)


def _refuse_without_memory(mode: str, size: Size, machine: Machine) -> None:
    free = min(memory.available_bytes(), machine.memory_limit)
    if size.need(mode) <= free:
        return
    fitting = [other for other in CONCRETE if size.need(other) <= free]
    raise InvalidInput(
        f"mode {mode!r} needs about {_gib(size.need(mode))}, and {_gib(free)} are free; "
        f"allowed: {', '.join(fitting) or 'fewer points'}"
    )


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
