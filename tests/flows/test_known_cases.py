"""Inputs that once went wrong, recorded with what is right, as datasets of one day."""

import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.flows.hubs import write_dataset
from tests.flows.odd_hubs import Read, grow

DAY = "2025-05-05"
FOLDERS = ("c05_empty_list", "c06_more_than_50_data_files", "c07_test_split_alone")
UNREADABLE = "value_unreadable"


def lay_out(root: Path, cases: Path) -> Path:
    """Make a Hub of the recorded cases."""
    shutil.copytree(cases / "public" / "hub" / "datasets", root / "datasets")
    words = (cases / "public" / "hub" / "index.jsonl").read_text()
    (root / "index.jsonl").write_text(re.sub(r"2025-\d\d-\d\d", DAY, words))
    for name in FOLDERS:
        write_dataset(root, f"known/{name}", DAY)
        shutil.copytree(cases / name, root / "datasets" / "known" / name, dirs_exist_ok=True)
    return root


@pytest.fixture(scope="module")
def known(
    recorded_cases: Path, make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Read:
    root = tmp_path_factory.mktemp("known")
    return grow(lay_out(root / "hub", recorded_cases), root, make_database(), [DAY])


def test_one_alone_has_nothing_for_training(known: Read) -> None:
    rejected = known.query("select dataset_id, reason from verdicts where reason is not null")
    assert rejected == [("known/c07_test_split_alone", "no_training_split")]
    assert known.query("select * from rejections where reason = 'unforeseen_error'") == []
    [day] = known.status.days
    assert day.alarm == ""


def test_times_without_text_take_nothing_else_along(known: Read) -> None:
    assert known.instances("sound/one")
    for name in ("caseone/far-dates", "caseone/far-later"):
        assert set(known.rejects(name)) == {("default/expires", UNREADABLE)}
        assert known.instances(name)
    assert known.rejects("casethree/zones") == {("default/seen", UNREADABLE): 60}
    assert known.fields("casethree/zones") == ["mood", "text"]


def test_a_duration_is_filled_as_it_is_shown(known: Read) -> None:
    filled = {row["input"] for row in known.instances("casetwo/durations")}
    assert filled & {f"0:{minutes:02d}:00" for minutes in range(60)}
    for row in known.shown("casetwo/durations"):
        assert re.fullmatch(r"\d:\d\d:\d\d", row["length"])


def test_fields_labels_and_options(known: Read) -> None:
    for name in ("casefive/pandas-index", "casefourteen/sep-csv"):
        assert known.fields(name) == ["mood", "text"]
    assert known.fields("caseyaml/field") == ["mood", "note", "text"]
    for name in ("caselabel/parquet", "caselabel/json"):
        assert {row["output"] for row in known.instances(name)} == {"calm", "busy", "gloomy"}


def test_splits_of_which_none_is_named_for_training(known: Read) -> None:
    splits = Counter(row["split"] for row in known.instances("casesplit/substring"))
    assert set(splits) == {"constraint", "free"}
    words = "select splits from configs where dataset_id = 'casesplit/substring'"
    assert known.query(words) == [({"constraint": 60, "free": 60},)]


def test_all_files_are_read_and_one_row_lost_to_its_empty_list(
    known: Read, recorded_cases: Path
) -> None:
    [(splits,)] = known.query("select splits from configs where dataset_id like 'known/c06%'")
    files = (recorded_cases / "c06_more_than_50_data_files").rglob("*.parquet")
    assert sum(splits.values()) == sum(pq.read_metadata(path).num_rows for path in files)
    lost = "select reason, number from rejections where stage = 'fill' and detail like 'known/c05%'"
    [(reason, number)] = known.query(lost)
    assert reason in ("input_empty_list", "output_null"), "as the list is an input or the output"
    assert number == 1
