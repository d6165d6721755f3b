"""How much memory there is and how much a mode takes."""

from pathlib import Path

from dynosaur_etl.selection.exact import FIRST_PICKS
from dynosaur_etl.selection.forecast import CACHED_CELLS, CLOSE, effort_to_foresee
from dynosaur_etl.selection.pairs import BYTES_PER_PAIR
from dynosaur_etl.selection.partition import PART_POINTS

BYTES_PER_NEIGHBOUR = 48
STORED_BYTES = {"exact": 12, "near-exact": 6, "graph": 10}
PARTITIONED_BYTES = 360
STAGE_BYTES = 16


GROUP = Path("/sys/fs/cgroup")


def machine_bytes(field: str) -> int:
    """A figure of /proc/meminfo."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields[field].split()[0]) * 1024


def limit_bytes() -> int:
    """Memory of the machine, or of this control group if that is less; the same at any load."""
    total = machine_bytes("MemTotal")
    try:
        limit = (GROUP / "memory.max").read_text(encoding="ascii").strip()
    except OSError:
        return total
    return total if limit == "max" else min(total, int(limit))


def available_bytes() -> int:
    """Memory that this process can still take: the machine's, or its control group's if less."""
    free = machine_bytes("MemAvailable")
    try:
        limit = (GROUP / "memory.max").read_text(encoding="ascii").strip()
        used = int((GROUP / "memory.current").read_text(encoding="ascii"))
    except OSError:
        return free
    return free if limit == "max" else min(free, max(int(limit) - used, 0))


def working_bytes(mode: str, count: int) -> int:
    """Bytes that the forecast of the first picks takes, and buffers."""
    effort = CLOSE if mode == "graph" else effort_to_foresee(count)
    sampled = 2 * min(effort.cells, effort.largest_sample * count)
    return min(sampled + 4 * CACHED_CELLS + 2**26, 12 * count * count + 2**24)


def fixed_bytes(mode: str, count: int, dimensions: int, neighbours: int) -> int:
    """Bytes that a mode takes beside its list of pairs."""
    stages = STAGE_BYTES * FIRST_PICKS if mode != "graph" else BYTES_PER_NEIGHBOUR * neighbours
    return working_bytes(mode, count) + count * (STORED_BYTES[mode] * dimensions + stages)


def expected_bytes(mode: str, count: int, dimensions: int, neighbours: int) -> int:
    """Bytes that a mode takes in all; a rule of thumb stands for the pairs."""
    if mode == "partitioned":
        part = fixed_bytes("graph", min(count, PART_POINTS), dimensions, neighbours)
        return part + PARTITIONED_BYTES * count
    pairs = 0 if mode == "graph" else BYTES_PER_PAIR * count * count // (4 * FIRST_PICKS)
    return fixed_bytes(mode, count, dimensions, neighbours) + pairs
