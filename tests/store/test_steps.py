from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import Engine, text

from dynosaur_etl.domain.errors import CountsDoNotReconcile
from dynosaur_etl.domain.models import Counts, Reject
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.store.database import connect
from dynosaur_etl.store.steps import (
    CountedReject,
    NamedFile,
    StepOutput,
    commit_step,
    files_of,
    finished_step,
    load_checkpoints,
    save_checkpoints,
)
from dynosaur_etl.store.storage import Storage
from dynosaur_etl.store.tables import VerdictRow

DAY = "2024-01-02"


@pytest.fixture
def engine(database_url: str) -> Engine:
    return connect(database_url)


def verdict(dataset: str, reason: str | None = None, detail: str = "") -> dict[str, object]:
    return {"day": DAY, "dataset_id": dataset, "revision": "r", "reason": reason, "detail": detail}


def output(*datasets: str, rejected: int = 0) -> StepOutput:
    reject = Reject(Stage.EXAMINE, "o/x", Reason.GATED, "asks")
    return StepOutput(
        counts=Counts(len(datasets) + rejected, len(datasets), rejected),
        rejects=[CountedReject(reject, rejected)] if rejected else [],
        stages=(Stage.EXAMINE,),
        tables={VerdictRow: [verdict(dataset) for dataset in datasets]},
    )


def rows(engine: Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_a_step_replaces_what_it_wrote_before(engine: Engine) -> None:
    commit_step(engine, DAY, "examine", "f1", output("o/a", "o/b", rejected=2))
    commit_step(engine, DAY, "examine", "f2", output("o/c"))
    assert rows(engine, "select dataset_id from verdicts") == [("o/c",)]
    assert rows(engine, "select * from rejections") == []
    done = finished_step(engine, DAY, "examine")
    assert done is not None
    assert (done.fingerprint, done.report.counts) == ("f2", Counts(1, 1, 0))


def test_another_day_and_another_stage_are_left_alone(engine: Engine) -> None:
    commit_step(engine, DAY, "examine", "f", output("o/a", rejected=1))
    commit_step(engine, "2024-01-03", "examine", "f", StepOutput(Counts(0, 0, 0)))
    commit_step(engine, DAY, "fill", "f", StepOutput(Counts(0, 0, 0), stages=(Stage.FILL,)))
    assert rows(engine, "select dataset_id from verdicts") == [("o/a",)]
    assert rows(engine, "select reason, number from rejections") == [("gated", 1)]


@pytest.mark.parametrize("counts", [Counts(3, 1, 1), Counts(1, 1, 1), Counts(1, 2, -1)])
def test_counts_that_do_not_reconcile_leave_nothing(engine: Engine, counts: Counts) -> None:
    unsound = StepOutput(counts, tables={VerdictRow: [verdict("o/a")]})
    with pytest.raises(CountsDoNotReconcile, match=f"took {counts.taken}"):
        commit_step(engine, DAY, "examine", "f", unsound)
    assert rows(engine, "select * from verdicts") == []
    assert finished_step(engine, DAY, "examine") is None


def test_a_step_that_fails_half_way_leaves_what_was_there(engine: Engine) -> None:
    commit_step(engine, DAY, "examine", "f1", output("o/a"))
    with pytest.raises(Exception, match="duplicate key"):
        commit_step(engine, DAY, "examine", "f2", output("o/b", "o/b"))
    assert rows(engine, "select dataset_id from verdicts") == [("o/a",)]
    done = finished_step(engine, DAY, "examine")
    assert done is not None
    assert done.fingerprint == "f1"


def test_the_digest_of_the_output_tells_different_output_apart(engine: Engine) -> None:
    def digest_of(step_output: StepOutput) -> str:
        commit_step(engine, DAY, "examine", "f", step_output)
        done = finished_step(engine, DAY, "examine")
        assert done is not None
        return done.output

    assert digest_of(output("o/a")) == digest_of(output("o/a"))
    assert digest_of(output("o/a")) != digest_of(output("o/b"))


def test_hostile_text_is_stored_without_what_the_database_cannot_hold(engine: Engine) -> None:
    hostile = StepOutput(
        Counts(1, 1, 0), tables={VerdictRow: [verdict("o/a", detail="a\x00b\ud800c")]}
    )
    commit_step(engine, DAY, "examine", "f", hostile)
    assert rows(engine, "select detail from verdicts") == [("a\ufffdb\ufffdc",)]


def test_checkpoints_are_found_under_their_fingerprint_and_go_with_the_commit(
    engine: Engine,
) -> None:
    save_checkpoints(engine, DAY, "examine", "f", {"o/a": {"x": 1}})
    save_checkpoints(engine, DAY, "examine", "f", {"o/a": {"x": 2}})
    save_checkpoints(engine, DAY, "fill", "f", {"o/a": {"x": 3}})
    assert load_checkpoints(engine, DAY, "examine", "f") == {"o/a": {"x": 2}}
    assert load_checkpoints(engine, DAY, "examine", "other") == {}
    commit_step(engine, DAY, "examine", "f", output())
    assert load_checkpoints(engine, DAY, "examine", "f") == {}
    assert load_checkpoints(engine, DAY, "fill", "f") == {"o/a": {"x": 3}}


def test_files_of_a_step_are_replaced_and_listed_by_day(engine: Engine, tmp_path: Path) -> None:
    storage = Storage(str(tmp_path))
    for day, number in ((DAY, 1), (DAY, 2), ("2024-01-03", 3)):
        stored = storage.write_table("things", pa.table({"x": [number]}))
        files = [NamedFile("things", "day", stored)]
        written = StepOutput(Counts(0, 0, 0), files=files, file_kinds=("things",))
        commit_step(engine, day, "fill", "f", written)
    tables = [storage.read_table(row.path)["x"].to_pylist() for row in files_of(engine, "things")]
    assert tables == [[2], [3]]
    assert [row.day for row in files_of(engine, "things", DAY)] == [DAY]
