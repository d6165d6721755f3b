"""Building, verifying and comparing versions of a large pool.

Each part runs in a process of its own over the same store: 800,000 instances of ten days, of which
20,000 are selected, and a snapshot that holds the whole pool as well. Time begins where the
selection has ended; memory is what the process takes beyond its start. Writing is measured beside
a plain copy of the same bytes, verifying beside the checksums alone. Deep verification reads the
version and the store that its rows came from; its rate counts the bytes of both.

    python -m benchmarks.snapshots [--quick] [--json]
"""

import hashlib
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.harness import Figure, main, measured_child

CHILD = "benchmarks.snapshots_child"
SIZE, QUICK_SIZE = (800_000, 20_000), (40_000, 2_000)
MEGABYTE = 10**6


def measure(quick: bool) -> list[Figure]:
    instances, selected = QUICK_SIZE if quick else SIZE
    with tempfile.TemporaryDirectory(prefix="dynosaur-bench-") as place:
        folder = Path(place)

        def child(part: str) -> dict[str, Any]:
            return measured_child(
                sys.executable, CHILD, [part, place, str(instances), str(selected)]
            )

        child("store")
        built, following = child("build"), child("build-next")
        checked, compared = child("verify"), child("compare")
        followed = child("verify-deep")
        copied, hashed = copy_seconds(folder / "one", folder / "copy"), hash_seconds(folder / "one")
    size = checked["bytes"] / MEGABYTE
    title = f"{instances}/{selected}"
    notes = {"snapshot_mb": round(size), "full": "yes", "cpu_s": round(built["cpu"], 2)}
    return [
        Figure(f"build {title}", built["seconds"], "s", "a plain copy", copied, notes),
        Figure(f"build {title}: memory", built["mib"], "MiB"),
        Figure(f"build after a parent {title}", following["seconds"], "s"),
        Figure(
            f"verify {title}",
            size / checked["seconds"],
            "MB/s",
            "SHA-256 alone",
            size / hashed,
            {"memory_mib": round(checked["mib"]), "cpu_s": round(checked["cpu"], 2)},
        ),
        Figure(
            f"deep verify {title}, version and store",
            followed["bytes"] / MEGABYTE / followed["seconds"],
            "MB/s",
            notes={
                "read_mb": round(followed["bytes"] / MEGABYTE),
                "memory_mib": round(followed["mib"]),
                "cpu_s": round(followed["cpu"], 2),
            },
        ),
        Figure(
            f"diff of two versions {title}",
            compared["seconds"],
            "s",
            notes={"kept": compared["kept"], "added": compared["added"]},
        ),
    ]


def copy_seconds(folder: Path, target: Path) -> float:
    started = time.perf_counter()
    shutil.copytree(folder, target)
    return time.perf_counter() - started


def hash_seconds(folder: Path) -> float:
    started = time.perf_counter()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                hashlib.file_digest(file, "sha256")
    return time.perf_counter() - started


if __name__ == "__main__":
    main(measure, "building, verifying and comparing versions")
