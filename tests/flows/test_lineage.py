"""What a day and a version were made from, as the names and sizes that a lineage tool knows."""

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.ui_store import Size, make_store
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.views.dataset_lineage import LineageDataset, grown, place, polled, selected
from dynosaur_etl.store.kinds import FileKind
from dynosaur_etl.store.steps import files_of
from tests.flows.support import settings

SIZE = Size(days=2, requests=4, instances=10, selected=3)


def test_each_dag_reads_what_the_one_before_has_written(
    make_database: Callable[[], str], tmp_path: Path
) -> None:
    home = {"DYNOSAUR_HOME": str(tmp_path), "DYNOSAUR_DATABASE_URL": make_database()}
    services = Services(settings(home))
    make_store(services, SIZE)
    day, store = SIZE.names[0], str(tmp_path / "store")
    poll, grow, select = polled(day, services), grown(day, services), selected(2, services)
    services.close()

    hub = str(services.settings.hf_endpoint)
    sets = {(one.namespace, one.name, one.version) for one in poll.inputs}
    assert sets == {(hub, f"datasets/owner{n}/set-{n}", "a" * 40) for n in range(2)}
    assert poll.outputs == grow.inputs == (
        LineageDataset("file", f"{store}/samples", day, files=0),
    )  # fmt: skip
    instances, vectors = grow.outputs
    assert (instances.name, vectors.name) == (f"{store}/instances", f"{store}/embeddings")
    assert (instances.rows, instances.files, instances.version) == (SIZE.instances, 1, day)
    [file] = files_of(services.engine, FileKind.INSTANCES, day)
    assert instances.bytes == file.bytes != file.rows
    assert [one.name for one in select.inputs] == [instances.name, vectors.name]
    assert [one.rows for one in select.inputs] == [SIZE.days * SIZE.instances] * 2
    [version] = select.outputs
    assert (version.name, version.rows) == (f"{store}/snapshots/v0002", SIZE.selected)
    assert len(version.version or "") == 64


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("/srv/store", ("file", "/srv/store/instances")),
        ("file:///srv/store/", ("file", "/srv/store/instances")),
        ("s3://bucket/prefix", ("s3://bucket", "prefix/instances")),
        ("gs://bucket", ("gs://bucket", "instances")),
        ("sftp://user:secret@host:22/srv", ("sftp://host:22", "srv/instances")),
    ],
)
def test_a_place_names_no_login(url: str, found: tuple[str, str]) -> None:
    assert place(url, "instances") == found
