"""Rows of the store with sound values everywhere; a test names those that it is about."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine

from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.tables import (
    Base,
    CandidateRow,
    CheckpointRow,
    ConfigRow,
    DatasetRow,
    FileRow,
    GrowthRunRow,
    LlmRequestRow,
    ProposalRow,
    RejectionRow,
    RevisionRow,
    SnapshotRow,
    TaskRow,
    VerdictRow,
    WithdrawalRow,
)

DAY, NEXT_DAY = "2026-10-05", "2026-10-06"
NOON = datetime(2026, 10, 7, 12, tzinfo=UTC)
SHA = "a" * 40


def put(engine: Engine, *rows: Base) -> None:
    with transaction(engine) as session:
        session.add_all(rows)


def step(name: str, day: str = DAY, **values: Any) -> GrowthRunRow:
    sound = {
        "fingerprint": "f", "taken": 3, "kept": 2, "rejected": 1, "deferred": 0, "reasons": {},
        "facts": {}, "output": "o", "finished_at": NOON,
    }  # fmt: skip
    return GrowthRunRow(day=day, step=name, **(sound | values))


def checkpoint(name: str, item: str, day: str = DAY, **result: Any) -> CheckpointRow:
    return CheckpointRow(day=day, step=name, item=item, fingerprint="f", result=result)


def dataset(name: str) -> DatasetRow:
    return DatasetRow(
        id=name, owner=name.partition("/")[0], created_at=NOON, last_modified=NOON, sha=SHA,
        tags=[], gated=False, private=False, disabled=False, downloads=0, likes=0,
    )  # fmt: skip


def candidate(name: str, day: str = DAY, revision: str | None = SHA) -> CandidateRow:
    return CandidateRow(day=day, dataset_id=name, revision=revision, change="created")


def verdict(name: str, reason: str | None = None, day: str = DAY) -> VerdictRow:
    return VerdictRow(day=day, dataset_id=name, revision=SHA, reason=reason, detail="")


def revision(name: str, day: str = DAY, **values: Any) -> RevisionRow:
    sound = {
        "sha": SHA, "licences": ["mit"], "languages": ["en"], "pretty_name": "A set",
        "summary": "", "card_sha256": "c",
    }  # fmt: skip
    return RevisionRow(day=day, dataset_id=name, **(sound | values))


def config(name: str, day: str = DAY, path: str = "samples/aa/1.parquet") -> ConfigRow:
    return ConfigRow(
        day=day, dataset_id=name, name="default", revision=SHA, features={}, splits={},
        sample_path=path, sample_seed=0,
    )  # fmt: skip


def proposal(name: str, key: str = "r1", position: int = 0, **values: Any) -> ProposalRow:
    sound = {
        "day": DAY, "revision": SHA, "config": "default", "mode": "aware", "reason": None,
        "payload": [{"instruction": "Decide in which mood the note was written."}], "detail": "",
        "task_key": None,
    }  # fmt: skip
    return ProposalRow(dataset_id=name, request_key=key, position=position, **(sound | values))


def task(name: str, key: str = "t1", **values: Any) -> TaskRow:
    sound = {
        "day": DAY, "revision": SHA, "config": "default", "instruction": "Decide.",
        "input_fields": ["note"], "output_field": "mood", "label_space": ["glad", "sad"],
        "mode": "aware", "prompt_version": "tight-1", "licence": "mit", "request_key": "r1",
    }  # fmt: skip
    return TaskRow(dataset_id=name, key=key, **(sound | values))


def rejection(subject: str, reason: str, number: int = 1, **values: Any) -> RejectionRow:
    sound = {"day": DAY, "stage": "examine", "detail": "found"}
    return RejectionRow(subject=subject, reason=reason, number=number, **(sound | values))


def request(key: str, **values: Any) -> LlmRequestRow:
    sound = {
        "purpose": "propose", "day": DAY, "subject": "owner/a", "model": "m",
        "prompt_version": "tight-1", "request": {"messages": [{"role": "user", "content": "?"}]},
        "status": "answered", "attempts": 1, "response": {"content": "{}"}, "prompt_tokens": 9,
        "completion_tokens": 2, "cost_usd": Decimal("0.0003"), "reserved_usd": Decimal(0),
    }  # fmt: skip
    return LlmRequestRow(key=key, **(sound | values))


def file(kind: str, name: str, day: str = DAY, **values: Any) -> FileRow:
    sound = {"sha256": name, "path": f"{kind}/{day}/{name}", "rows": 10, "bytes": 100}
    return FileRow(kind=kind, day=day, name=name, **(sound | values))


def version(number: int, **values: Any) -> SnapshotRow:
    sound = {
        "parent": number - 1 or None, "day": DAY, "fingerprint": str(number),
        "path": f"snapshots/v{number:04d}", "manifest_sha256": str(number) * 64, "facts": {},
    }  # fmt: skip
    return SnapshotRow(version=number, **(sound | values))


def withdrawal(name: str, reason: str = "gone", lifted_on: str | None = None) -> WithdrawalRow:
    return WithdrawalRow(
        dataset_id=name, reason=reason, found_on=DAY, detail="why", lifted_on=lifted_on
    )
