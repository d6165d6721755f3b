"""What counts as a change: the card and the files, not what git keeps for itself."""

from typing import Any

import pytest

from dynosaur_etl.domain.models import Revision
from dynosaur_etl.hub.candidates import HUB_FLOOR
from dynosaur_etl.hub.changes import is_unchanged
from dynosaur_etl.hub.client import HubClient
from tests.hub.faulty_hub import SHA, Answer, FaultyHub, as_json

ID, BEFORE = "owner/name", "b" * 40
NOW = {".gitattributes": "1", "README.md": "2", "train.csv": "3"}


def tree(oids: dict[str, str], last: str) -> Answer:
    commit = {"id": last, "title": "push", "date": "2026-09-01T00:00:00.000Z"}
    entries: list[dict[str, Any]] = [
        {"type": "file", "path": path, "size": 1, "oid": oid * 40, "lastCommit": commit}
        for path, oid in oids.items()
    ]
    return Answer(body=as_json(entries))


@pytest.mark.parametrize(
    ("earlier", "touched_by", "unchanged"),
    [
        (NOW, BEFORE, True),
        (NOW | {".gitattributes": "9"}, BEFORE, True),
        (NOW | {"README.md": "9"}, BEFORE, False),
        (NOW | {"train.csv": "9"}, BEFORE, False),
        (NOW | {"gone.csv": "9"}, BEFORE, False),
        ({".gitattributes": "1", "README.md": "2"}, BEFORE, False),
        (NOW, SHA, False),  # set back to what it was, by a commit of the day
    ],
)
def test_what_is_no_change(
    hub: FaultyHub,
    client: HubClient,
    earlier: dict[str, str],
    touched_by: str,
    unchanged: bool,
) -> None:
    hub.answers[f"/api/datasets/{ID}/tree/{SHA}"] = [tree(NOW, touched_by)]
    hub.answers[f"/api/datasets/{ID}/tree/{BEFORE}"] = [tree(earlier, BEFORE)]
    files = client.files(ID, SHA)
    revision = Revision(ID, SHA, HUB_FLOOR)
    assert is_unchanged(client, revision, files, BEFORE, [SHA]) is unchanged
