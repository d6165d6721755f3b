"""A set that somebody uploads once more under another name is left out, and named."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from tests.flows.hubs import CARD, notes, write_dataset
from tests.flows.odd_hubs import Read, grow

DAYS = ["2026-10-05", "2026-10-06"]
FIRST, SECOND = DAYS


def other_notes(rows: int = 40) -> pa.Table:
    texts = [f"Line {n} of a log that nobody else keeps, written by hand." for n in range(rows)]
    return pa.table(
        {"line": texts, "mood": [["calm", "cross", "glad"][n % 3] for n in range(rows)]}
    )


def made(moment: str) -> dict[str, Any]:
    return {"created_at": moment}


@pytest.fixture(scope="module")
def days(make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Read:
    home = tmp_path_factory.mktemp("mirrors")
    hub, same = home / "hub", notes()
    renamed = (
        same.rename_columns(["Text", "Mood"]).select(["Mood", "Text"]).take(list(range(39, -1, -1)))
    )
    apache = CARD.format(name="z/copied").replace("license: mit", "license: apache-2.0")
    write_dataset(hub, "m/first", FIRST, **{"train.parquet": same})
    # made earlier on the same day, though its name comes later
    write_dataset(hub, "b/twin", FIRST, facts=made(f"{FIRST}T12:30:00Z"), **{"train.parquet": same})
    write_dataset(hub, "a/copied", SECOND, apache, **{"data__train.parquet": renamed})
    write_dataset(hub, "c/own", SECOND, **{"train.parquet": other_notes()})
    write_dataset(
        hub, "d/half", SECOND, CONFIGS,
        **{"old__train.parquet": same, "new__train.parquet": other_notes(41).slice(1)},
    )  # fmt: skip
    write_dataset(
        hub, "e/moved", SECOND, facts=made(f"{FIRST}T12:00:00Z"), **{"train.parquet": same}
    )
    return grow(hub, home, make_database(), DAYS)


CONFIGS = CARD.format(name="d/half").replace(
    "license: mit",
    "license: mit\nconfigs:\n"
    "- {config_name: old, data_dir: old}\n"
    "- {config_name: new, data_dir: new}",
)


def test_an_upload_once_more_is_dropped_and_names_the_older_one(days: Read) -> None:
    assert days.verdict("m/first")[0] is None
    assert days.verdict("b/twin") == ("mirror", "the rows of m/first, config default")
    reason, words = days.verdict("a/copied")
    assert (reason, words) == (
        "mirror", "the rows of m/first, config default under mit, here apache-2.0",
    )  # fmt: skip
    assert {row["dataset"] for row in days.rows} >= {"m/first", "c/own"}
    assert not {row["dataset"] for row in days.rows} & {"b/twin", "a/copied"}


def test_only_the_configs_that_mirror_are_left_out(days: Read) -> None:
    assert days.verdict("d/half")[0] is None
    assert days.query("select name from configs where dataset_id = 'd/half'") == [("new",)]
    assert days.rejects("d/half")["old", "mirror"] == 1


def test_a_set_that_was_made_at_the_same_moment_is_one_that_was_renamed(days: Read) -> None:
    assert days.verdict("e/moved")[0] is None


def test_other_rows_are_kept(days: Read) -> None:
    assert days.verdict("c/own")[0] is None
