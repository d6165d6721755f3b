"""How much memory there is and how much a mode takes."""

from pathlib import Path

from dynosaur_etl.selection.exact.pair_pass import BYTES_PER_PAIR
from dynosaur_etl.selection.exact.warm import FIRST_PICKS
from dynosaur_etl.selection.greedy.measured import CACHED_CELLS
from dynosaur_etl.selection.greedy.samples import CLOSE, warm_start_sizes
from dynosaur_etl.selection.problem.specification import PART_POINTS

_BYTES_PER_NEIGHBOUR = 48
_STORED_BYTES = {"exact": 12, "near-exact": 6, "graph": 10}
_PARTITIONED_BYTES = 360
_STAGE_BYTES = 16
_GROUP = Path("/sys/fs/cgroup")


def _machine_bytes(field: str) -> int:
    """A figure of /proc/meminfo."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields[field].split()[0]) * 1024


def limit_bytes() -> int:
    """Return the memory of the machine, or of this control group; the same at any load."""
    total = _machine_bytes("MemTotal")
    try:
        limit = (_GROUP / "memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return total
    return total if limit == "max" else min(total, int(limit))


def available_bytes() -> int:
    """Return the memory that this process can still take, of machine and control group."""
    free = _machine_bytes("MemAvailable")
    try:
        limit = (_GROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((_GROUP / "memory.current").read_text(encoding="ascii"))
    except OSError:
        return free
    return free if limit == "max" else min(free, max(int(limit) - used, 0))


def working_bytes(mode: str, count: int) -> int:
    """Return the bytes of the samples for the first picks, and of buffers."""
    sizes = CLOSE if mode == "graph" else warm_start_sizes(count)
    sampled = 2 * min(sizes.cells, sizes.largest_sample * count)
    return min(sampled + 4 * CACHED_CELLS + 2**26, 12 * count * count + 2**24)


def fixed_bytes(mode: str, count: int, dimensions: int, neighbours: int) -> int:
    """Return the bytes that a mode takes beside its list of pairs."""
    stages = _STAGE_BYTES * FIRST_PICKS if mode != "graph" else _BYTES_PER_NEIGHBOUR * neighbours
    return working_bytes(mode, count) + count * (_STORED_BYTES[mode] * dimensions + stages)


def expected_bytes(mode: str, count: int, dimensions: int, neighbours: int) -> int:
    """Return the bytes that a mode takes in all; a rule of thumb stands for the pairs."""
    if mode == "partitioned":
        part = fixed_bytes("graph", min(count, PART_POINTS), dimensions, neighbours)
        return part + _PARTITIONED_BYTES * count
    pairs = 0 if mode == "graph" else BYTES_PER_PAIR * count * count // (4 * FIRST_PICKS)
    return fixed_bytes(mode, count, dimensions, neighbours) + pairs
