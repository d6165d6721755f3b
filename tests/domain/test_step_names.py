"""Names of steps and kinds of files are the texts that stores of any age hold."""

import json

import pytest

from dynosaur_etl.domain.identity import canonical_json, digest
from dynosaur_etl.domain.models import StepName
from dynosaur_etl.store.kinds import FileKind

STORED_STEPS = {"candidates", "examine", "validate", "fill", "score", "embed", "select"}
STORED_KINDS = {
    "samples", "instances", "scores", "embeddings", "task_embeddings", "selections", "pools",
    "graphs", "parts", "solved_parts", "snapshot_parts", "conversations",
}  # fmt: skip


@pytest.mark.parametrize("name", [*StepName, *FileKind])
def test_a_name_is_its_text_in_fingerprints_files_and_messages(name: StepName | FileKind) -> None:
    plain = str(name.value)
    assert digest("step", name, {"kind": name}) == digest("step", plain, {"kind": plain})
    assert canonical_json({name: [name]}) == json.dumps({plain: [plain]}, separators=(",", ":"))
    assert f"{name}/00" == f"{plain}/00"


def test_what_stores_hold_is_known_under_the_same_names() -> None:
    assert set(StepName) >= STORED_STEPS
    assert set(FileKind) == STORED_KINDS
