"""Rows are read as `datasets` and polars read them, or refused with a word that helps."""

import bz2
import gzip
import json
import lzma
import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.flows.select.file.rows import read_rows
from tests.flows.select_file.support import as_datasets, as_polars, case, write

BOTH = (as_datasets, as_polars)
Reader = Callable[[Path], list[dict[str, Any]]]


def rows(source: Path, split: str | None = None, encoding: str | None = None) -> list[Any]:
    found: list[Any] = read_rows(source, split, encoding).table.to_pylist()
    return found


@pytest.mark.parametrize(
    ("name", "readers"),
    [
        ("huge.jsonl.gz", BOTH),
        ("newline_big.csv.gz", BOTH),
        ("dates.jsonl", (as_polars,)),  # `datasets` makes times of texts that look like them
        ("nulls.jsonl", BOTH),
        ("longprefix.jsonl", BOTH),
        ("amharic.jsonl", BOTH),
        ("largelist.parquet", BOTH),
    ],
)
def test_public_cases_are_read_as_others_read_them(
    name: str, readers: tuple[Reader, ...], tmp_path: Path
) -> None:
    file = case(name, tmp_path)
    for reader in readers:
        assert rows(file) == reader(file)


LONG = "word " * 500_000
LINES = {
    "numbers.jsonl": '{"a": 1}\n{"a": 1.5}\n',
    "missing.jsonl": '{"a": 1}\n{"b": "x"}\n',
    "null.jsonl": '{"a": null}\n{"a": null}\n',
    "crlf.jsonl": '{"a": 1}\r\n\r\n{"a": 2}\r\n',
    "separators.jsonl": '{"a": "x\u2028y"}\n{"a": "z\u0085w"}\n',
    "long.jsonl": json.dumps({"a": LONG}) + "\n" + json.dumps({"a": "short"}) + "\n",
    "late.jsonl": '{"a": 1}\n' * 300 + '{"a": 2, "b": [1, 2]}\n',
    "list.json": '[{"a": 1}, {"a": 2}]',
    "nested.jsonl": '{"a": {"x": 1, "y": ["s"]}}\n{"a": {"x": 2, "y": []}}\n',
    "plain.csv": "a,b\nx,1\ny,2\n",
    "floats.csv": "a,b\nx,1.5\ny,2.0\n",
    "truth.csv": "a,b\nx,True\ny,False\n",
    "quoted.csv": 'a,b\n"x, ""q""\r\nz",1\ny,2\n',
    "dates.csv": "a,day\nx,2024-01-01\ny,2024-01-02\n",
    "long.csv": f'a,b\n"{LONG}\n{LONG}",1\ny,2\n',
    "marked.csv": "\ufeffa,b\nx,1\n",
}


@pytest.mark.parametrize("name", LINES)
def test_texts_are_read_as_others_read_them(name: str, tmp_path: Path) -> None:
    file = write(tmp_path / name, LINES[name])
    assert rows(file) == as_polars(file) == as_datasets(file)


def test_codes_keep_leading_zeros_and_dates_stay_texts(tmp_path: Path) -> None:
    public = rows(case("dates.jsonl", tmp_path))
    assert public[0]["created"] == "2024-01-01"
    assert public[1]["code"] == "001"
    written = [("code", "zip", "n", "big", "day", "version", "plus"),
               ("007", "01234", "7", "12345678901234567890123", "2024-01-01T00:00", "1.10", "+1"),
               ("8", "99999", "8", "1", "2024-01-02T00:00", "1.9", "2")]  # fmt: skip
    file = write(tmp_path / "codes.csv", "\n".join(",".join(row) for row in written) + "\n")
    first, second = rows(file)
    assert (first["code"], second["code"]) == ("007", "8")
    assert (first["zip"], second["n"], first["plus"]) == ("01234", 8, "+1")
    assert first["big"] == "12345678901234567890123"
    assert first["day"] == "2024-01-01T00:00"
    assert first["version"] == 1.1


def test_a_code_of_one_file_keeps_those_of_the_others_texts(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "code\n1\n2\n")
    write(tmp_path / "b.csv", "code,more\n007,x\n")
    assert rows(tmp_path) == [
        {"code": "1", "more": None},
        {"code": "2", "more": None},
        {"code": "007", "more": "x"},
    ]


NUMBERS = st.integers(-(2**63), 2**63 - 1).map(str)
CELLS = NUMBERS | st.sampled_from(
    ["007", "1.0", "-0.5", "", "x", "1_000", "0x10", " 1", str(2**70)]
)


@given(st.lists(CELLS, max_size=5))
def test_no_cell_of_csv_changes_unless_all_are_numbers(
    tmp_path_factory: pytest.TempPathFactory, cells: list[str]
) -> None:
    file = tmp_path_factory.mktemp("csv") / "cells.csv"
    write(file, "a,b\n" + "".join(f"{cell},x\n" for cell in cells) + "5,x\n")
    for value, cell in zip((row["a"] for row in rows(file)), cells, strict=False):
        if value is None:
            assert cell == ""
        elif isinstance(value, str):
            assert value == cell
        else:
            assert Decimal(value) == Decimal(cell)


def test_missing_numbers_are_null_and_such_texts_are_texts(tmp_path: Path) -> None:
    file = write(tmp_path / "na.csv", "t,x\nNA,1\nnull,NaN\nNone,\n,4\n")
    assert rows(file) == [
        {"t": "NA", "x": 1},
        {"t": "null", "x": None},
        {"t": "None", "x": None},
        {"t": None, "x": 4},
    ]


def test_values_of_several_kinds_are_kept_as_text(tmp_path: Path) -> None:
    lines = [
        {"a": 1, "b": {"x": 1}, "c": 2**80, "d": {}, "e": [1, "x"]},
        {"a": "x", "b": {"x": "s"}, "c": 1, "d": {}, "e": []},
        {"a": None, "b": None, "c": None, "d": None, "e": None},
    ]
    file = write(tmp_path / "mixed.jsonl", "\n".join(map(json.dumps, lines)))
    first, second, third = rows(file)
    assert first == {"a": "1", "b": '{"x": 1}', "c": str(2**80), "d": "{}", "e": '[1, "x"]'}
    assert second == {"a": "x", "b": '{"x": "s"}', "c": "1", "d": "{}", "e": "[]"}
    assert set(third.values()) == {None}


def test_a_kind_that_changes_late_changes_the_column_as_a_whole(tmp_path: Path) -> None:
    lines = ['{"a": 1, "b": 1}'] * 10_001 + ['{"a": "x", "b": 1.5}']
    found = rows(write(tmp_path / "late.jsonl", "\n".join(lines)))
    assert (found[0], found[-1]) == ({"a": "1", "b": 1.0}, {"a": "x", "b": 1.5})


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("suffix", PACKERS)
def test_packed_files_are_read_and_refused_where_they_are_cut(suffix: str, tmp_path: Path) -> None:
    plain = b"".join(b'{"a": "%s"}\n' % os.urandom(40).hex().encode() for _ in range(2000))
    packed = PACKERS[suffix](plain)
    expected = rows(write(tmp_path / "plain.jsonl", plain))
    assert rows(write(tmp_path / f"a.jsonl{suffix}", packed)) == expected
    assert rows(write(tmp_path / f"two.jsonl{suffix}", packed + packed)) == expected * 2
    with pytest.raises(InvalidInput, match=r"cut\.jsonl.*cannot be read"):
        rows(write(tmp_path / f"cut.jsonl{suffix}", packed[: len(packed) // 2]))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_byte_order_mark_tells_the_encoding(name: str, encoding: str, tmp_path: Path) -> None:
    content = {"a.csv": "text,n\ngrün,1\n", "a.jsonl": '{"text": "grün", "n": 1}\n'}[name]
    assert rows(write(tmp_path / name, content.encode(encoding))) == [{"text": "grün", "n": 1}]


def test_another_encoding_is_refused_by_its_line_or_named(tmp_path: Path) -> None:
    public = case("latin1.csv", tmp_path)
    with pytest.raises(InvalidInput, match=r"not UTF-8 \(byte 0xe9 in line 2\).*--encoding"):
        rows(public)
    assert rows(public, encoding="latin-1")[0]["instruction"].endswith("Café à Orléans numéro 0")
    late = write(tmp_path / "late.jsonl", b'{"a": "x"}\n' * 9000 + '{"a": "é"}'.encode("latin-1"))
    with pytest.raises(InvalidInput, match="in line 9001"):
        rows(late)
    packed = write(tmp_path / "late.jsonl.gz", gzip.compress(late.read_bytes()))
    with pytest.raises(InvalidInput, match="in line 9001"):
        rows(packed)
    for wrong in ("utf-16", "ascii"):
        with pytest.raises(InvalidInput, match=f"not {wrong}"):
            rows(late, encoding=wrong)


def table(**columns: Any) -> pa.Table:
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def parquet(file: Path, content: pa.Table) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(content, file)
    return file


REFUSED: dict[str, tuple[str | bytes, str]] = {
    "empty.csv": ("", "no rows"),
    "head.csv": ("a,b\n", "no rows"),
    "white.jsonl": ("\n \n", "no rows"),
    "empty.parquet": ("", "cannot be read"),
    "twice.csv": ("a,b,a\n1,2,3\n", "column 'a': received twice"),
    "twice.jsonl": ('{"a": 1, "a": 2}\n', "line 1: received the name 'a' twice"),
    "more.csv": ("a,b\n1,2\n3,4,5\n", "row of 3 cells before line 4, which begins with '3'"),
    "open.csv": ('a,b\n"x,1\n', "near line 2: unexpected end"),
    "semicolons.csv": ("a;b\n1;2\n", "parted by ','"),
    "numbers.jsonl": ("1\n2\n", "line 1: received '1'; allowed: an object"),
    "cut.jsonl": ('{"a": "x"}\n{"a": "y', "line 2"),
    "deep.jsonl": ('{"a": ' + "[" * 99_999 + "}", "line 1: maximum recursion"),
    "half.jsonl": ('{"a": "x"}\n{"a": "\\ud800"}\n', "column 'a' of row 1: received half"),
    "encrypted.parquet": (b"PARE" + b"\0" * 40 + b"PARE", "encrypted"),
    "text.parquet": ("no Parquet", "cannot be read"),
    "text.arrow": ("no Arrow", "cannot be read"),
    "rows.txt": ("text", "received a file of another name; allowed: a file or folder of .parquet"),
    "rows.parquet.gz": (gzip.compress(b"PAR1"), "a file of another name"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_with_a_word_that_helps(name: str, tmp_path: Path) -> None:
    content, words = REFUSED[name]
    with pytest.raises(InvalidInput) as caught:
        rows(write(tmp_path / name, content))
    assert words in str(caught.value)
    assert name in str(caught.value)


def test_parquet_that_is_cut_or_names_a_column_twice_is_refused(tmp_path: Path) -> None:
    whole = parquet(tmp_path / "a.parquet", table(a=list(range(1000)))).read_bytes()
    with pytest.raises(InvalidInput, match=r"cut\.parquet.*cannot be read"):
        rows(write(tmp_path / "cut.parquet", whole[: len(whole) // 2]))
    twice = pa.table([[1], [2]], names=["a", "a"])
    with pytest.raises(InvalidInput, match=r"twice\.parquet.*column 'a': received twice"):
        rows(parquet(tmp_path / "twice.parquet", twice))
    with pytest.raises(InvalidInput, match="nothing that is there"):
        rows(tmp_path / "missing.csv")


def test_columns_that_drift_between_files_are_widened_filled_or_refused(tmp_path: Path) -> None:
    parquet(tmp_path / "wide/a.parquet", table(t=["x"], n=[1], c=["u"]))
    parquet(tmp_path / "wide/b.parquet", table(t=["y"], n=[1.5], more=[True]))
    pq.write_table(
        pa.table({"t": ["z"], "c": pa.array(["v"]).dictionary_encode()}),
        tmp_path / "wide/c.parquet",
    )
    assert rows(tmp_path / "wide") == [
        {"t": "x", "n": 1.0, "c": "u", "more": None},
        {"t": "y", "n": 1.5, "c": None, "more": True},
        {"t": "z", "n": None, "c": "v", "more": None},
    ]
    for other in ([1], [b"x"], [["x"]]):
        parquet(tmp_path / "apart/a.parquet", table(t=["x"]))
        parquet(tmp_path / "apart/b.parquet", table(t=other))
        with pytest.raises(InvalidInput, match=r"'t': received string in .*a\.parquet, .*b\.parq"):
            rows(tmp_path / "apart")


def test_a_test_split_is_not_read_in_silence(tmp_path: Path) -> None:
    for name in ("train-00000-of-00001", "test-00000-of-00001", "validation-00000-of-00001"):
        parquet(tmp_path / f"data/{name}.parquet", table(s=[name.partition("-")[0]]))
    found = read_rows(tmp_path)
    assert found.table.to_pylist() == [{"s": "train"}]
    assert found.notes == ("the splits validation, test are not read; --split all reads all",)
    assert rows(tmp_path, "test") == [{"s": "test"}]
    assert rows(tmp_path, "train+test") == [{"s": "train"}, {"s": "test"}]
    assert len(rows(tmp_path, "all")) == 3
    with pytest.raises(InvalidInput, match="received 'dev'; allowed: --split train"):
        rows(tmp_path, "dev")
    (tmp_path / "data/train-00000-of-00001.parquet").unlink()
    with pytest.raises(InvalidInput, match=r"no split 'train'.*--split test"):
        rows(tmp_path)


@pytest.mark.parametrize(
    "names",
    [
        ["constraint.jsonl", "latest.jsonl"],
        ["train.jsonl", "test.jsonl", "extra.jsonl"],
        ["my_train_1.jsonl", "my-dev.jsonl", "evaluation 2.jsonl"],
        ["training/a.jsonl", "eval/b.jsonl"],
        ["v1.train/a.jsonl", "test_b.jsonl"],
        ["data/a.jsonl", "data/b.jsonl"],
        ["data/train-00000-of-00002.jsonl", "data/train-00001-of-00002.jsonl",
         "data/my.extra-00000-of-00001.jsonl", "test.jsonl"],
    ],
)  # fmt: skip
def test_splits_are_those_that_datasets_finds(names: list[str], tmp_path: Path) -> None:
    import datasets

    for number, name in enumerate(names):
        write(tmp_path / name, json.dumps({"n": number}) + "\n")
    loaded = datasets.load_dataset(str(tmp_path), cache_dir=str(tmp_path / ".cache"))
    for split in loaded:
        assert [row["n"] for row in rows(tmp_path, split)] == list(loaded[split]["n"]), split
    read = {row["n"] for row in rows(tmp_path, "all")}
    assert read == {row["n"] for split in loaded for row in loaded[split]}


def test_a_card_tells_the_files_of_the_splits(tmp_path: Path) -> None:
    for name in ("rows/1.csv", "rows/2.csv", "held.csv", "other.csv"):
        write(tmp_path / name, f"text\n{name}\n")
    files = [{"split": "train", "path": "rows/*.csv"}, {"split": "test", "path": ["held.csv"]}]
    card = {"config_name": "default", "data_files": files}
    write(tmp_path / "README.md", f"---\nconfigs: {json.dumps([card])}\n---\n")
    found = read_rows(tmp_path)
    assert [row["text"] for row in found.table.to_pylist()] == ["rows/1.csv", "rows/2.csv"]
    assert len(found.notes) == 2
    assert rows(tmp_path, "test") == [{"text": "held.csv"}]
    two = [{"config_name": name, "data_files": "held.csv"} for name in ("a", "b")]
    write(tmp_path / "README.md", f"---\nconfigs: {json.dumps(two)}\n---\n")
    with pytest.raises(InvalidInput, match=r"with configs: received \['a', 'b'\]"):
        rows(tmp_path)
    for outside in ("../*.csv", "/etc/*.csv", "nothing*.csv"):
        one = [{"config_name": "a", "data_files": outside}]
        write(tmp_path / "README.md", f"---\nconfigs: {json.dumps(one)}\n---\n")
        with pytest.raises(InvalidInput, match="data_files of the card"):
            rows(tmp_path)


def test_folders_of_several_formats_and_links_to_nowhere_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "text\nx\n")
    write(tmp_path / ".hidden/b.parquet", "")
    write(tmp_path / "_delta/b.parquet", "")
    write(tmp_path / "dataset_info.json", "{}")
    assert rows(tmp_path) == [{"text": "x"}]
    (tmp_path / "b.csv").symlink_to(tmp_path / "a.csv")
    assert len(rows(tmp_path)) == 2
    (tmp_path / "c.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(InvalidInput, match="a link that leads nowhere"):
        rows(tmp_path)
    (tmp_path / "c.csv").unlink()
    parquet(tmp_path / "d.parquet", table(text=["y"]))
    with pytest.raises(InvalidInput, match=r"several formats: CSV \(.*\), Parquet \(d\.parquet\)"):
        rows(tmp_path)
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InvalidInput, match="no data files"):
        rows(tmp_path / "nothing")


def test_what_datasets_saved_is_read_with_its_splits_and_class_names(tmp_path: Path) -> None:
    import datasets

    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["no", "yes"])}
    )
    one = datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [0, 1, 0]}, features)
    one.select([2, 0]).save_to_disk(tmp_path / "one")
    found = read_rows(tmp_path / "one")
    assert found.table.to_pylist() == list(one.select([2, 0]))
    assert b"huggingface" in found.table.schema.metadata
    both = datasets.DatasetDict({"train": one, "test": one.select([1])})
    both.save_to_disk(tmp_path / "both", num_shards={"train": 2, "test": 1})
    assert rows(tmp_path / "both") == list(one)
    assert len(rows(tmp_path / "both", "all")) == 4
    assert read_rows(tmp_path / "both").notes[0].startswith("the split test is not read")
    with pytest.raises(InvalidInput, match="--split"):
        rows(tmp_path / "one", "train")
    next((tmp_path / "one").glob("*.arrow")).unlink()
    with pytest.raises(InvalidInput, match=r"saved dataset .* cannot be read"):
        rows(tmp_path / "one")
