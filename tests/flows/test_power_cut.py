"""Whatever a committed row names is on the disk: a power cut at any moment takes nothing of it."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import event
from sqlalchemy.orm import Session

from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.flows.snapshot.publish import publish_version
from dynosaur_etl.store.storage import Storage
from tests.flows.hubs import write_dataset
from tests.flows.support import environment, run_all, serving, settings
from tests.flows.versioned import diary
from tests.store.power_cut import Disk

DAY = "2026-10-05"
_STORED = re.compile(r"[a-z_]+(?:/[^/\s\"]+)*/[0-9a-f]{2}/[0-9a-f]{64}\.parquet")
_NAMED = """
    select path from files union select sample_path from configs union select path from snapshots
    union select result::text from checkpoints union select facts::text from snapshots
"""


class Watch:
    """Looks at each commit and each rename whether the disk has what the rows name."""

    def __init__(self, url: str, disk: Disk) -> None:
        self.connection = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)
        self.disk = disk
        self.looks = 0
        self.lost: set[str] = set()

    def named(self) -> set[str]:
        texts = [row[0] for row in self.connection.execute(_NAMED)]
        inner = {found for text in texts for found in _STORED.findall(text)}
        return inner | {text for text in texts if text.startswith("snapshots/")}

    def look(self, *_: object) -> None:
        self.looks += 1
        self.lost |= {path for path in self.named() if not self.disk.keeps(path)}

    @contextmanager
    def watching(self) -> Iterator[None]:
        event.listen(Session, "after_commit", self.look)
        try:
            with self.disk.recording():
                yield
        finally:
            event.remove(Session, "after_commit", self.look)


def test_nothing_that_was_committed_is_lost_at_a_power_cut(
    make_database: Callable[[], str], tmp_path: Path
) -> None:
    (tmp_path / "hub").mkdir()
    for name in ("lake", "hill", "mill"):
        write_dataset(tmp_path / "hub", f"reed/{name}", DAY, data__train_dot_parquet=diary(name))
    url, home, public = make_database(), tmp_path / "home", tmp_path / "public"
    disk, copies = Disk(home / "store"), Disk(public)
    watch = Watch(url, disk)
    with serving(tmp_path / "hub", tmp_path / "logs") as servers, watch.watching():
        values = environment(servers, url, home, DYNOSAUR_PUBLISH_URL=str(public))
        with open_services(settings(values)) as services:
            run_all((DAY,), services)
            with copies.recording():
                publish_version(1, services)
    watch.look()
    assert watch.looks > 20
    assert watch.lost == set()
    assert copies.keeps("latest.json")
    assert copies.keeps("snapshots/v0001")

    disk.left(tmp_path / "after")
    after = Storage(str(tmp_path / "after"))
    tables = [path for path in watch.named() if _STORED.fullmatch(path)]
    assert len(tables) > 10
    assert all(after.read_table(path).num_rows >= 0 for path in tables)
