"""Odd datasets of one day, from the Hub's files to prompts, instances and rejects."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.flows.hubs import CARD, notes, write_dataset
from tests.flows.odd_hubs import Read, grow

DAY = "2026-10-05"
ROWS = 30
MOODS = ["calm", "cross", "glad"]


def lines(*records: Any) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def described(rows: int = ROWS, **columns: pa.Array) -> pa.Table:
    """Give notes with further columns between the note and its mood."""
    table = notes(rows)
    for name, values in columns.items():
        table = table.add_column(table.num_columns - 1, name, values)
    return table


def ticks(kind: pa.DataType, *numbers: int) -> pa.Array:
    return pa.array([numbers[at % len(numbers)] for at in range(ROWS)], pa.int64()).view(kind)


def card(yaml: str) -> str:
    return CARD.replace("---\n#", f"{yaml}---\n#").format(name="these notes")


SECONDS = 253_402_300_800  # the first of the year 10000
US = 10**6


def write_odd(root: Path) -> None:
    def write(name: str, yaml: str = "", **files: Any) -> None:
        write_dataset(root, f"odd/{name}", DAY, card(yaml), None, **files)

    kinds = described(
        length=ticks(pa.duration("ms"), 60_000, 90_500, 3_600_000),
        at=ticks(pa.time64("us"), 52_200 * US, 1),
        moment=ticks(pa.timestamp("ms", "Europe/Berlin"), 0, 1_700_000_000_500),
        share=pa.array([0.1, 1.0, 2.5] * 10, pa.float32()),
        price=pa.array([1, 250, -3] * 10, pa.int64()).cast(pa.decimal128(20, 0)),
        sound=pa.array([True, False] * 15),
    )
    write("kinds", train_dot_parquet=kinds)
    write("far", train_dot_parquet=described(made=ticks(pa.timestamp("s"), *[0] * 9, SECONDS)))
    write(
        "farther", train_dot_parquet=described(made=ticks(pa.timestamp("s"), 9 * SECONDS, SECONDS))
    )
    write("zone", train_dot_parquet=described(made=ticks(pa.timestamp("us", "Mars/Base"), 0, 1)))
    hidden = {name: pa.array(range(ROWS)) for name in ("__index_level_0__", "index")}
    write("written", train_dot_parquet=described(**hidden, place=pa.array(range(5, 5 + ROWS))))
    table = notes(ROWS).to_pylist()
    unnamed = "".join(f"{at},{row['note']},{row['mood']}\n" for at, row in enumerate(table))
    write("unnamed", train_dot_csv=f",note,mood\n{unnamed}")
    rows = "".join(f"{row['note']};{row['mood']}\n" for row in table)
    yaml = (
        "configs:\n- config_name: a\n  data_files: x.csv\n  delimiter: ';'\n  names: [note, mood]\n"
    )
    write("semicolons", yaml, x_dot_csv=rows)
    yaml = "configs:\n- config_name: a\n  data_files: x.json\n  field: found\n"
    write("field", yaml, x_dot_json=json.dumps({"version": 2, "found": table}))
    labelled = [{"note": row["note"], "mood": MOODS.index(row["mood"])} for row in table]
    names = "".join(f"        '{at}': {name}\n" for at, name in enumerate(MOODS))
    yaml = (
        "dataset_info:\n  features:\n  - name: note\n    dtype: string\n  - name: mood\n"
        f"    dtype:\n      class_label:\n        names:\n{names.replace('        ', '          ')}"
    )
    write("labels", yaml, train_dot_jsonl=lines(*labelled))
    half = [lines(*table[:15]), lines(*table[15:])]
    write("names", contest_dot_jsonl=half[0], latest_dot_jsonl=half[1])
    parts = "".join(
        f"  - split: {name}\n    path: {name}.jsonl\n" for name in ("contest", "latest", "dev_2")
    )
    yaml = f"configs:\n- config_name: a\n  data_files:\n{parts}"
    files = {"contest_dot_jsonl": half[0], "latest_dot_jsonl": half[1], "dev_2_dot_jsonl": half[0]}
    write("declared", yaml, **files)
    write("judged", dev_dot_jsonl=half[0], test_dot_jsonl=half[1])
    write("both", train_dot_jsonl=half[0], validation_dot_jsonl=half[1])
    lists = pa.array([["a", f"b {at}"] if at % 3 else [] for at in range(ROWS)])
    write("lists", train_dot_parquet=described(words=lists))
    mixed = [{**row, "facts": [1, "two", {"three": 3}]} for row in table]
    write("mixed", train_dot_jsonl=lines(*mixed))
    write("nothing", train_dot_jsonl=lines(*({**row, "extra": {}} for row in table)))
    empty, whole = described(0), described()
    shards = {"train-00000-of-00002": empty, "train-00001-of-00002": whole}
    write("empty-first", **{f"data__{name}_dot_parquet": table for name, table in shards.items()})
    write(
        "unlike",
        **{
            "train-00000-of-00002_dot_parquet": described(words=pa.array(["a"] * ROWS)),
            "train-00001-of-00002_dot_parquet": described(words=pa.array([["a"]] * ROWS)),
        },
    )
    many = {f"y{at}_dot_parquet": notes(ROWS).slice(at % ROWS, 1) for at in range(300)}
    write("many", **many)
    write("sound", train_dot_parquet=described())


@pytest.fixture(scope="module")
def read(make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Read:
    root = tmp_path_factory.mktemp("odd")
    write_odd(root / "hub")
    return grow(root / "hub", root, make_database(), [DAY])


def test_no_dataset_ends_the_day_for_the_others(read: Read) -> None:
    assert read.instances("odd/sound")
    assert read.query("select * from rejections where reason = 'unforeseen_error'") == []
    [day] = read.status.days
    assert day.alarm == ""
    verdicts = dict(read.query("select dataset_id, reason from verdicts"))
    rejected = {name.removeprefix("odd/"): why for name, why in verdicts.items() if why}
    assert rejected == {"judged": "no_training_split", "unlike": "rows_unreadable"}


def test_what_is_filled_is_what_is_shown(read: Read) -> None:
    name = "odd/kinds"
    fields = [name for name in read.fields(name) if name != "mood"]
    assert fields == ["at", "length", "moment", "note", "price", "share", "sound"]
    texts = {
        "length": {"0:01:00", "0:01:30.5", "1:00:00"},
        "at": {"14:30:00", "00:00:00.000001"},
        "moment": {"1970-01-01 01:00:00+01:00", "2023-11-14 23:13:20.5+01:00"},
        "share": {"0.1", "1", "2.5"},
        "price": {"1", "250", "-3"},
        "sound": {"true", "false"},
    }
    filled = {row["input"] for row in read.instances(name)}
    assert filled >= set().union(*texts.values())
    for row in read.shown(name):
        for field, known in texts.items():
            value = row[field]
            assert (value if isinstance(value, str) else json.dumps(value)) in known


def test_times_that_have_no_text(read: Read) -> None:
    assert read.rejects("odd/far") == {("default/made", "value_unreadable"): 3}
    assert {row["made"] for row in read.shown("odd/far")} <= {None, "1970-01-01 00:00:00"}
    for name in ("farther", "zone"):
        assert read.fields(f"odd/{name}") == ["mood", "note"]
        assert sum(read.rejects(f"odd/{name}").values()) == ROWS
        assert read.instances(f"odd/{name}")


def test_columns_of_writers_are_no_fields(read: Read) -> None:
    assert read.fields("odd/written") == ["mood", "note", "place"]
    assert read.fields("odd/unnamed") == ["mood", "note"]


def test_the_cards_options_and_names_hold(read: Read) -> None:
    for name in ("semicolons", "field"):
        assert read.fields(f"odd/{name}") == ["mood", "note"]
        rows = read.instances(f"odd/{name}")
        assert {row["output"] for row in rows} == set(MOODS)
        assert all(row["input"].startswith("Note ") for row in rows)
    assert {row["output"] for row in read.instances("odd/labels")} == set(MOODS)
    assert {row["mood"] for row in read.shown("odd/labels")} <= set(MOODS)


def test_splits_go_by_the_words_of_their_names(read: Read) -> None:
    assert {row["split"] for row in read.instances("odd/declared")} == {"contest", "latest"}
    assert read.rejects("odd/declared") == {("a", "split_held_back"): 1}
    assert {row["split"] for row in read.instances("odd/names")} == {"train"}
    assert {row["split"] for row in read.instances("odd/both")} == {"train"}
    assert read.rejects("odd/both") == {("default", "split_held_back"): 1}
    assert read.rejects("odd/judged") == {("default", "no_training_split"): 1}


def test_an_empty_list_rejects_its_row_alone(read: Read) -> None:
    empty = read.query("select sum(number) from rejections where reason = 'input_empty_list'")
    assert empty[0][0] > 0
    rows = [row for row in read.instances("odd/lists") if "'a'" in row["input"]]
    assert {row["row"] % 3 for row in rows} == {1, 2}


def test_json_of_mixed_types_and_structures_of_nothing(read: Read) -> None:
    assert read.instances("odd/mixed")
    assert read.fields("odd/nothing") == ["mood", "note"]


def test_an_empty_first_file_and_files_that_are_unlike(read: Read) -> None:
    [(splits,)] = read.query("select splits from configs where dataset_id = 'odd/empty-first'")
    assert splits == {"train": ROWS}
    assert read.rejects("odd/unlike") == {("default", "rows_unreadable"): 1}


def test_files_that_are_not_read_are_told(read: Read) -> None:
    assert read.verdict("odd/many") == (None, "default, train: 256 of 300 files read")
    words = "select reading, splits from configs where dataset_id = 'odd/many'"
    [(reading, splits)] = read.query(words)
    assert splits == {"train": -1}
    assert reading["train"]["files"] == 300
    assert len(reading["train"]["read"]) == 256
    read_of = {int(path[1:].removesuffix(".parquet")) for path, _ in reading["train"]["read"]}
    assert max(read_of) >= 298
    assert min(read_of) <= 1


@pytest.fixture(scope="module")
def read_all(make_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Read:
    root = tmp_path_factory.mktemp("all")
    write_odd(root / "hub")
    return grow(root / "hub", root, make_database(), [DAY], DYNOSAUR_SPLITS="all")


def test_a_setting_lets_every_split_make_rows(read_all: Read) -> None:
    splits = {row["split"] for row in read_all.instances("odd/declared")}
    assert splits == {"contest", "latest", "dev_2"}
    assert {row["split"] for row in read_all.instances("odd/judged")} == {"validation", "test"}
    held = "select * from rejections where reason in ('split_held_back', 'no_training_split')"
    assert read_all.query(held) == []
