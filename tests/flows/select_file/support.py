"""Files to select from, and the readers that ours is compared with."""

import gzip
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

CASES = Path(__file__).resolve().parents[3] / "../shared/cases/public/select"


def case(name: str, folder: Path) -> Path:
    """A file of the public cases, unpacked where it is packed."""
    source = CASES / name
    if not source.exists():
        pytest.skip("the public cases are not beside the checkout")
    if source.suffix != ".gz":
        return source
    target = folder / source.stem
    target.write_bytes(gzip.decompress(source.read_bytes()))
    return target


def as_datasets(file: Path) -> list[dict[str, Any]]:
    """Rows as `datasets` reads them."""
    import datasets

    datasets.disable_progress_bars()
    kind = {".jsonl": "json", ".json": "json", ".csv": "csv", ".parquet": "parquet"}[file.suffix]
    with tempfile.TemporaryDirectory() as cache:
        loaded = datasets.load_dataset(kind, data_files=str(file), split="train", cache_dir=cache)
        return list(loaded)


def as_polars(file: Path) -> list[dict[str, Any]]:
    """Rows as polars reads them when it looks at all of them."""
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        ".jsonl": lambda file: pl.read_ndjson(file, infer_schema_length=None),
        ".json": lambda file: pl.read_json(file, infer_schema_length=None),
        ".csv": lambda file: pl.read_csv(file, infer_schema_length=None),
        ".parquet": pl.read_parquet,
    }
    return readers[file.suffix](file).to_dicts()


def write(file: Path, content: str | bytes) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file
