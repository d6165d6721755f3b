import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.flows.fill.evaluation_texts import evaluation_files, read_texts


def texts(folder: Path) -> list[tuple[str, str]]:
    files = evaluation_files(str(folder))
    return [(name, text) for name, batch in read_texts(files) for text in batch.to_pylist()]


def test_every_string_of_every_kind_of_file_is_read_with_the_name_of_its_file(
    tmp_path: Path,
) -> None:
    (tmp_path / "tasks").mkdir()
    task = {"Definition": ["Say it."], "Instances": [{"input": "in", "output": ["out", 3, None]}]}
    (tmp_path / "tasks" / "task1.json").write_text(json.dumps(task))
    (tmp_path / "a.txt").write_text("one text\nof two lines")
    (tmp_path / "b.jsonl").write_text('{"q": "why"}\n\n"because"\n')
    table = pa.table({"q": ["who", None], "n": [1, 2], "choices": [["x", "y"], None]})
    pq.write_table(table, tmp_path / "c.parquet")
    assert texts(tmp_path) == [
        ("a.txt", "one text\nof two lines"),
        ("b.jsonl", "why"),
        ("b.jsonl", "because"),
        ("c.parquet", "who"),
        ("c.parquet", "x"),
        ("c.parquet", "y"),
        ("tasks/task1.json", "Say it."),
        ("tasks/task1.json", "in"),
        ("tasks/task1.json", "out"),
    ]


def test_strings_inside_structures_and_dictionaries_of_a_table_are_read(tmp_path: Path) -> None:
    said = pa.array(["yes", None, "yes"]).dictionary_encode()
    turns = [[{"role": "user", "content": {"text": "hi"}}], None, [None]]
    pq.write_table(pa.table({"said": said, "turns": turns}), tmp_path / "a.parquet")
    found = sorted(text for _, text in texts(tmp_path))
    assert found == ["hi", "user", "yes", "yes"]


def test_no_folder_named_is_no_text_and_a_file_changed_has_another_identity(tmp_path: Path) -> None:
    assert evaluation_files("") == []
    file = tmp_path / "a.txt"
    identities = []
    for text in ("one", "two"):
        file.write_text(text)
        [found] = evaluation_files(str(tmp_path))
        identities.append(found.identity)
    assert identities[0][0] == identities[1][0] == "a.txt"
    assert identities[0] != identities[1]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (None, ""),
        ("README.md", "of no known kind"),
        ("a.json", "{not json"),
        ("a.jsonl", '{"q": 1}\n{'),
        ("a.parquet", "no Parquet"),
        ("a.json", "[" * 100_000),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_name(
    tmp_path: Path, name: str | None, content: str
) -> None:
    if name:
        (tmp_path / name).write_text(content)
    with pytest.raises(InvalidInput, match=name or "no file"):
        texts(tmp_path)


def test_a_folder_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidInput, match="/nowhere"):
        evaluation_files("/nowhere")
