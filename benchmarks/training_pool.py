"""The pool that the experiments run on: recorded Hubs, grown day by day into one version.

    python -m benchmarks.training_pool HOME [--days N]

The Hubs are `../shared/hub` (canonical datasets up to 2022) and `../shared/hub-2026`; tasks are
those of GPT-3.5 where they are recorded, else the demo's rules. The version holds the whole pool as
its config `full` and a tenth of the sources as its split `test`. Days that are grown are not grown
again. What it is made of is printed as JSON.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows import training_set
from dynosaur_etl.flows.fill.fill import fill
from dynosaur_etl.flows.poll import candidates as poll
from dynosaur_etl.flows.prepare.embed import embed
from dynosaur_etl.flows.prepare.score import score
from dynosaur_etl.flows.propose.criticise import criticise
from dynosaur_etl.flows.propose.propose import propose_all
from dynosaur_etl.flows.propose.validate import validate
from dynosaur_etl.flows.runtime.services import Services, open_services
from dynosaur_etl.settings import load_settings
from tests.flows.support import free_port, wait_for

SHARED = ROOT.parent / "shared"
HUBS = (SHARED / "hub", SHARED / "hub-2026")
STEPS = (
    poll.find_candidates, poll.examine_candidates, propose_all, criticise,
    validate, fill, score, embed,
)  # fmt: skip
_ALL = 1_000_000


def main() -> None:
    """Grow the pool under the home that is named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("--days", type=int, default=_ALL, help="most days of each Hub")
    options = parser.parse_args()
    for hub in HUBS:
        grow(hub, options.home, options.days)
    with services_of(options.home, "http://127.0.0.1:9", "http://127.0.0.1:9/v1") as services:
        newest = training_set.newest_grown_day(services)
        if newest is None:
            raise SystemExit("no day has grown an instance")
        built = training_set.build_snapshot(GrowthDay.parse(newest), services)
        print(json.dumps(dict(built.facts), indent=1))


def grow(hub: Path, home: Path, most_days: int) -> None:
    """Poll and grow the days on which datasets of a Hub were created."""
    entries = [json.loads(line) for line in (hub / "index.jsonl").read_text().splitlines()]
    days = sorted({entry["created_at"][:10] for entry in entries})[:most_days]
    with serving(hub) as (hub_url, llm_url), services_of(home, hub_url, llm_url) as services:
        poll.sync_catalogue(GrowthDay.parse(days[-1]), services)
        for number, day in enumerate(days, start=1):
            reports = [step(GrowthDay.parse(day), services) for step in STEPS]
            filled = next(report for report in reports if report.step == "fill")
            told = f"{hub.name} {day} ({number} of {len(days)}): {filled.counts.kept} instances\n"
            sys.stderr.write(told)


@contextmanager
def services_of(home: Path, hub_url: str, llm_url: str) -> Iterator[Services]:
    values: dict[str, Any] = {
        "home": home,
        "hf_endpoint": hub_url,
        "viewer_url": f"{hub_url}/viewer",
        "openai_base_url": llm_url,
        "openai_api_key": "benchmark",
        "llm_model": "dynosaur-demo-rules",
        "llm_budget_run_usd": "unlimited",
        "llm_budget_month_usd": "unlimited",
        "snapshot_full": True,
        "held_out_share": 0.1,
        "selection_size": 300,
    }
    with open_services(load_settings(overrides=values)) as services:
        yield services


@contextmanager
def serving(hub: Path) -> Iterator[tuple[str, str]]:
    """Serve a recorded Hub and the recorded tasks for the length of a block."""
    ports = free_port(), free_port()
    recorded = str(HUBS[0] / "recorded_tasks.jsonl")
    commands = (
        ["demo.hub_server", "--root", str(hub), "--port", str(ports[0])],
        ["benchmarks.recorded_llm", recorded, "--port", str(ports[1])],
    )
    children = [subprocess.Popen([sys.executable, "-m", *command]) for command in commands]
    hub_url, llm_url = f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}/v1"
    try:
        wait_for(f"{hub_url}/api/datasets?limit=1", children[0])
        wait_for(f"{llm_url}/models", children[1])
        yield hub_url, llm_url
    finally:
        for child in children:
            child.terminate()
            child.wait(10)


if __name__ == "__main__":
    main()
