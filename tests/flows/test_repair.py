"""What the storage loses is found, named and made again by the steps, the same bytes."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.flows.fill.fill import fill
from dynosaur_etl.flows.poll.examine import examine_candidates
from dynosaur_etl.flows.prepare.embed import embed
from dynosaur_etl.flows.prepare.score import score
from dynosaur_etl.flows.repair import repair
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select.selection import select
from dynosaur_etl.flows.snapshot.versions import verify_deeply
from dynosaur_etl.flows.upkeep.store_audit import audit_store
from dynosaur_etl.store.facts.named_files import named_paths
from dynosaur_etl.store.steps import files_of
from tests.flows.support import ROOT, dump_files, dump_tables, run_day
from tests.flows.versioned import DAYS, Grown, build
from tests.store.test_checksums import flip


def named_files(services: Services, home: Path) -> dict[str, str]:
    """The checksums of what rows name, and of versions."""
    everything = dump_files(home)
    wanted = {named.path for named in named_paths(services.engine)}
    return {
        path: sha256
        for path, sha256 in everything.items()
        if path in wanted or path.startswith("snapshots/")
    }


def dynosaur(values: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dynosaur_etl", *arguments],
        cwd=ROOT, env={**os.environ, **values}, capture_output=True, text=True,
    )  # fmt: skip


def test_a_store_that_lost_every_file_is_as_it_was_again(grown: Grown) -> None:
    services = grown.services(snapshot_full="true")
    build(services)
    before, rows = named_files(services, grown.home), dump_tables(services.settings.database_url)
    assert len({path.partition("/")[0] for path in before}) >= 7
    assert audit_store(services).damage == []
    for folder in (grown.home / "store").iterdir():
        if folder.name != "snapshots":
            shutil.rmtree(folder)
    again = grown.services(snapshot_full="true")
    damage = audit_store(again).damage
    assert {item.state for item in damage} == {"missing"}
    assert {item.path for item in damage} == {x for x in before if not x.startswith("snapshots")}
    done = repair(again)
    assert (done.left, done.errors) == ([], [])
    assert named_files(again, grown.home) == before
    assert dump_tables(services.settings.database_url) == rows
    verify_deeply(1, again)
    assert repair(again).made == []


def test_each_kind_of_file_that_is_damaged_is_found_and_mended(grown: Grown) -> None:
    services = grown.services(selection_mode="graph")
    build(services)
    before, rng = named_files(services, grown.home), random.Random(2)
    kinds = sorted({path.partition("/")[0] for path in before} - {"snapshots"})
    for kind in kinds:
        [path, *_] = sorted(x for x in before if x.startswith(f"{kind}/"))
        flip(grown.home / "store" / path, rng)
        mended = grown.services(selection_mode="graph")
        [found] = audit_store(mended).damage
        assert (found.path, found.state) == (path, "damaged")
        assert found.means
        assert found.named_by
        assert repair(mended).made == [path]
        assert named_files(mended, grown.home) == before
    assert {"samples", "instances", "scores", "embeddings", "selections", "pools"} < set(kinds)


def test_a_lost_version_is_rebuilt_and_so_is_what_it_was_made_from(grown: Grown) -> None:
    services = grown.services()
    build(services)
    before = named_files(services, grown.home)
    shutil.rmtree(grown.home / "store" / "snapshots" / "v0001")
    flip(grown.home / "store" / next(x for x in before if x.startswith("pools/")), random.Random(1))
    found = {item.path: item.state for item in audit_store(services).damage}
    assert found.pop("snapshots/v0001") == "missing"
    assert list(found.values()) == ["damaged"]
    assert repair(grown.services()).left == []
    assert named_files(services, grown.home) == before


STEPS = {
    "samples": examine_candidates,
    "instances": fill,
    "scores": score,
    "embeddings": embed,
    "selections": select,
}


def test_a_finished_step_whose_file_is_lost_or_damaged_is_no_success(grown: Grown) -> None:
    services, day = grown.services(), GrowthDay.parse(DAYS[-1])
    build(services)
    for prefix, step in STEPS.items():
        named = next(x for x in named_paths(services.engine) if x.kind == prefix and x.day)
        path = grown.home / "store" / named.path
        sound = path.read_bytes()
        for damage in (lambda p: flip(p, random.Random(4)), Path.unlink):
            damage(path)
            with pytest.raises(Corrupt, match=rf"{named.path}.*`dynosaur repair`"):
                step(GrowthDay.parse(named.day), grown.services())
            path.write_bytes(sound)
        step(day, grown.services())


def test_what_cannot_be_made_as_it_was_is_named_and_can_be_given_up(grown: Grown) -> None:
    build(grown.services())
    before = named_files(grown.services(), grown.home)
    path = next(x for x in before if x.startswith("samples/"))
    (grown.home / "store" / path).unlink()
    other = grown.services(sample_rows="9")  # other rows than were sampled
    done = repair(other)
    assert [item.path for item in done.left] == [path]
    assert "sampled rows" in done.left[0].means
    [day] = {row.day for row in files_of(other.engine, "samples") if row.path == path}
    anew = repair(other, give_up=True).anew
    assert anew == [f"{day} examine"]
    run_day(day, grown.services())
    assert audit_store(grown.services()).damage == []
    assert named_files(grown.services(), grown.home) == before


def test_the_commands_tell_damage_by_their_codes(grown: Grown) -> None:
    build(grown.services())
    values, day = grown.values, DAYS[0]
    assert dynosaur(values, "verify", "--store").returncode == 0
    assert dynosaur(values, "verify").returncode == 2
    assert dynosaur(values, "verify", "v0001", "--store").returncode == 2
    path = next(x for x in dump_files(grown.home) if x.startswith("samples/"))
    for name in dump_files(grown.home):
        if name.startswith("samples/"):
            flip(grown.home / "store" / name, random.Random(6))
    polled = dynosaur(values, "poll", "--day", day)
    assert polled.returncode == 3
    assert "Traceback" not in polled.stderr
    assert "`dynosaur repair`" in polled.stderr
    audited = dynosaur(values, "verify", "--store", "--json")
    assert audited.returncode == 3
    assert path in {item["path"] for item in json.loads(audited.stdout)["damage"]}
    mended = dynosaur(values, "repair", "--json")
    assert mended.returncode == 0, mended.stderr
    assert json.loads(mended.stdout)["left"] == []
    assert dynosaur(values, "verify", "--store").returncode == 0
    assert dynosaur(values, "poll", "--day", day).returncode == 0
