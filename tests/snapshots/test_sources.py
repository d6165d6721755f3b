"""`sources.csv` is safe in a spreadsheet and gives back what was written."""

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dynosaur_etl.domain import schemas
from dynosaur_etl.domain.errors import Corrupt
from dynosaur_etl.snapshots.sources import read_sources, write_sources
from tests.snapshots.factories import Source, content

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@example("a\rb", "c\r\nd")
@settings(deadline=None)
@given(TEXT, TEXT)
def test_any_text_comes_back(name: str, pretty_name: str) -> None:
    row = dict.fromkeys(["revision", "licence", "languages", "url"], "-")
    row |= {"dataset": name, "pretty_name": pretty_name}
    numbers = {"pool_instances": 7, "selected_instances": 0}
    table = pa.Table.from_pylist([{**row, **numbers}], schema=schemas.SOURCES)
    with TemporaryDirectory() as folder:
        write_sources(table, Path(folder, "sources.csv"))
        assert read_sources(Path(folder)).equals(table)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_is_a_formula(tmp_path: Path, start: str) -> None:
    table = content(Source("a/b", pretty_name=f"{start}1+1")).sources
    write_sources(table, tmp_path / "sources.csv")
    with (tmp_path / "sources.csv").open(newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell.startswith(start)]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", '"'])
def test_another_file_is_corrupt(tmp_path: Path, text: str) -> None:
    (tmp_path / "sources.csv").write_text(text)
    with pytest.raises(Corrupt, match=r"sources\.csv"):
        read_sources(tmp_path)


def test_a_number_that_is_none_is_corrupt(tmp_path: Path) -> None:
    write_sources(content().sources, tmp_path / "sources.csv")
    text = (tmp_path / "sources.csv").read_text()
    (tmp_path / "sources.csv").write_text(text.replace(",20,", ",twenty,"))
    with pytest.raises(Corrupt, match="twenty"):
        read_sources(tmp_path)
