"""Sets as people have them, read into examples; what is none is counted."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.training.sets import example_set, read_set
from dynosaur_etl.training.task_folders import read_tasks
from tests.training.tiny import rows, small_set

PAIRS = [
    {"instruction": "Say it.", "input": "boat", "output": "late"},
    {"instruction": "Say it.\n\nboat", "response": "late"},
    {"prompt": "Say it.\n\nboat", "completion": "late"},
    {"question": "Say it.\n\nboat", "answer": "late"},
    {"input": "Say it.\n\nboat", "output": "late"},
    {"messages": [
        {"role": "user", "content": "Say it.\n\nboat"},
        {"role": "assistant", "content": "late"},
    ]},
]  # fmt: skip


@pytest.mark.parametrize("row", PAIRS)
def test_each_form_gives_the_same_prompt_and_answer(row: dict[str, Any]) -> None:
    [found] = example_set("set", "0", [row]).examples
    assert (found.prompt, found.answer) == ("Say it.\n\nboat", "late")


def test_what_is_no_example_is_counted_by_why() -> None:
    found = example_set("set", "0", [
        *PAIRS[:1], {"text": "only a text"}, {"prompt": "Say.", "completion": " "},
        {"messages": [{"role": "user", "content": "Say."}]}, {"prompt": None, "completion": "a"},
        {"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]},
    ])  # fmt: skip
    assert len(found) == 1
    assert found.rejected == {
        "no prompt and answer": 2, "empty answer": 1, "last turn is no answer": 2,
    }  # fmt: skip


def test_kinds_are_those_of_tasks() -> None:
    found = small_set()
    assert {(one.task, one.kind) for one in found.examples} == {
        ("task 0", "short answer"), ("task 1", "label"),
    }  # fmt: skip
    assert found.examples[1].labels == ("calm", "cross", "glad")
    long = example_set("set", "0", [{"prompt": "Say.", "completion": "word " * 9}])
    assert long.examples[0].kind == "text"


def test_files_of_a_folder_are_read_in_their_order(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(rows())
    pq.write_table(table.slice(0, 10), tmp_path / "a.parquet")
    pq.write_table(table.slice(10), tmp_path / "b.parquet")
    whole = read_set(tmp_path)
    assert [one.key for one in whole.examples] == [row["instance_key"] for row in rows()]
    pq.write_table(table.slice(11), tmp_path / "b.parquet")
    assert read_set(tmp_path).digest != whole.digest


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("set.jsonl", '{"prompt": "a"', "cannot be read"), ("set.parquet", "PAR1", "cannot be"),
        ("set.jsonl", '{"a": 1}\n[1]\n"text"\n', "rows with messages"),
        ("set.txt", "text", "a version, or a file"), ("set.jsonl", "", "rows of"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_set_is_refused(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InvalidInput, match=words):
        read_set(tmp_path / name)


def test_a_part_is_a_set_of_its_own() -> None:
    whole = small_set()
    part = whole.take([3, 1], "some")
    assert [one.key for one in part.examples] == ["row 3", "row 1"]
    assert part.digest != whole.take([1, 3], "some").digest


def super_ni(name: str, answers: list[list[str]]) -> dict[str, Any]:
    return {
        "Definition": [f"Do {name}."], "Source": ["squad"], "Categories": ["Answering"],
        "Positive Examples": [{"input": "never", "output": "read"}],
        "Instances": [{"input": f"in {n}", "output": told} for n, told in enumerate(answers)],
    }  # fmt: skip


def write_super_ni(folder: Path) -> Path:
    (folder / "tasks").mkdir(parents=True)
    (folder / "splits" / "default").mkdir(parents=True)
    tasks = {
        "task001_a": super_ni("a", [["x", "y"], ["z"]]),
        "task002_b": super_ni("b", [[["Yes", "No"][n % 2]] for n in range(40)]),
        "task003_c": super_ni("c", [["never read"]]),
    }
    for name, task in tasks.items():
        (folder / "tasks" / f"{name}.json").write_text(json.dumps(task))
    chosen = folder / "splits" / "default" / "test_tasks.txt"
    chosen.write_text("task001_a\ntask002_b\n")
    return folder


def test_super_nis_layout_is_read_by_its_test_split(tmp_path: Path) -> None:
    found = read_tasks(write_super_ni(tmp_path))
    assert found.tasks == {"task001_a", "task002_b"}
    first = found.examples[0]
    assert (first.prompt, first.answers, first.source) == ("Do a.\n\nin 0", ("x", "y"), "squad")
    labelled = [one for one in found.examples if one.task == "task002_b"]
    assert {one.labels for one in labelled} == {("No", "Yes")}
    assert {one.kind for one in labelled} == {"label"}


def test_some_of_each_task_are_drawn_by_the_seed(tmp_path: Path) -> None:
    folder = write_super_ni(tmp_path)
    drawn = [read_tasks(folder, 5, seed) for seed in (0, 0, 1)]
    assert len(drawn[0]) == 2 + 5
    assert drawn[0].digest == drawn[1].digest != drawn[2].digest


@pytest.mark.parametrize("nested", [False, True])
def test_big_bench_tasks_are_read(tmp_path: Path, nested: bool) -> None:
    task = {
        "task_prefix": "Do it.", "canary": "never shown", "examples": [
            {"input": "a", "target": ["b", "c"]}, {"input": "d", "target": "e"},
            {"input": "f", "target_scores": {"g": 1, "h": 0}}, {"input": "i", "target": [" "]},
        ],
    }  # fmt: skip
    place = tmp_path / "subtask007_quoref_x" if nested else tmp_path
    place.mkdir(exist_ok=True)
    name = "task.json" if nested else "subtask007_quoref_x.json"
    (place / name).write_text(json.dumps(task))
    found = read_tasks(tmp_path)
    assert [one.answers for one in found.examples] == [("b", "c"), ("e",), ("g",)]
    assert {(one.task, one.source) for one in found.examples} == {("subtask007_quoref_x", "quoref")}
    assert all("canary" not in one.prompt for one in found.examples)


@pytest.mark.parametrize("content", ["{}", "[]", "{", '{"examples": 1, "x": "\\ud800"'])
def test_a_file_that_is_no_task_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(InvalidInput, match=r"t\.json"):
        read_tasks(tmp_path)


def test_a_folder_without_tasks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="task files"):
        read_tasks(tmp_path)
