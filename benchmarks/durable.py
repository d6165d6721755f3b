"""What it costs that a power cut loses nothing: the share of a grown day that goes into syncing.

The time of every sync is added up, those that threads do side by side as well, so that the share is
at most what is told. The LLM answers by fixed rules, at once: with a real one a day takes longer.

Usage: python -m benchmarks.durable [--quick] [--json]
"""

import os
import time
from threading import Lock
from unittest import mock

from benchmarks.harness import ROOT, Figure, main
from benchmarks.steps import DEMO_FIRST, RECORDED, grow, growing, serving, settings
from dynosaur_etl.flows.runtime.services import open_services

BUSY_DAY = "2020-12-14"
AIM = 0.05


class Syncs:
    """Counts and times what is synced."""

    def __init__(self) -> None:
        self.number, self.seconds = 0, 0.0
        self._real, self._lock = os.fsync, Lock()

    def __call__(self, handle: int) -> None:
        started = time.perf_counter()
        self._real(handle)
        with self._lock:
            self.number += 1
            self.seconds += time.perf_counter() - started


def measure(quick: bool) -> list[Figure]:
    """Poll and grow one day, and add up what its syncs took."""
    recorded = RECORDED.is_dir() and not quick
    hub, day = (RECORDED, BUSY_DAY) if recorded else (ROOT / "demo" / "hub", str(DEMO_FIRST))
    syncs = Syncs()
    with (
        serving(hub) as servers,
        growing(servers) as values,
        open_services(settings(values)) as services,
        mock.patch("os.fsync", syncs),
    ):
        started = time.perf_counter()
        grow(services, [day])
        seconds = time.perf_counter() - started
        files = len(services.storage.list_files())
    told = {"day": day, "files": files, "syncs": syncs.number, "ratio_at_most": AIM}
    return [Figure("syncing while a day is grown", syncs.seconds, "s", "the day", seconds, told)]


if __name__ == "__main__":
    main(measure, __doc__ or "")
