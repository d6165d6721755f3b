"""Small files that would become a great deal of memory: refused with a reason, and in time."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.flows.support import ROOT

READ = """
import io, json, resource, sys, time
import numpy, pyarrow as pa, pyarrow.parquet as pq
from random import Random
from dynosaur_etl.hub import csv_records, json_records, parquet_rows
from dynosaur_etl.domain.errors import HubRefused

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def read_json(path):
    with open(path, encoding="utf-8") as text:
        if json_records.is_document(text):
            records = json_records.document_records(text, None)
        else:
            records = json_records.line_records(text)
        kept = [record for _, record in zip(range(50_000), records)]
        return json_records.json_columns(kept[:200])[0].num_rows

def read_csv(path):
    with open(path, encoding="utf-8", newline="") as text:
        return len([row for _, row in zip(range(200), csv_records.csv_records(text, {}, ","))])

def read_parquet(path):
    file = pq.ParquetFile(path)
    class Shard:
        pass
    shard = Shard()
    shard.path, shard.size = path, 1
    groups = tuple(parquet_rows._groups(file, shard, "train", 0))
    footers = parquet_rows.Footers(file.schema_arrow, groups, {})
    return parquet_rows.draw_rows(footers, 200, Random(1), lambda table: table).table.num_rows

read = {"json": read_json, "csv": read_csv, "parquet": read_parquet}[sys.argv[1]]
before, started = peak(), time.monotonic()
try:
    told = f"{read(sys.argv[2])} rows"
except (ValueError, TypeError, HubRefused, RecursionError) as error:
    told = f"{type(error).__name__}: {error}"
print(json.dumps([told[:300], (peak() - before) / 1e6, time.monotonic() - started]))
"""


def deep(levels: int) -> str:
    return '{"a":' * levels + "1" + "}" * levels


def write(name: str, path: Path) -> str:
    """Write a bomb, and return by what it is read."""
    if name == "objects":
        path.write_text("[" + "{}," * 21_000_000 + "{}]")
    elif name == "objects in a field":
        path.write_text('{"data":[' + "{}," * 21_000_000 + "{}]}")
    elif name == "keys":
        lines = (
            "{" + ",".join(f'"k{line}_{n}":{n}' for n in range(380_000)) + "}" for line in range(10)
        )
        path.write_text("\n".join(lines))
    elif name == "keys by lines":
        path.write_text("\n".join(json.dumps({f"k{n}": n}) for n in range(200_000)))
    elif name == "deep":
        path.write_text("\n".join([deep(900)] * 50))
    elif name == "columns":
        path.write_text(",".join(map(str, range(10**6))) + "\n" + "1," * 999_999 + "1\n")
        return "csv"
    else:
        piece = pa.repeat("The same words each time.", 1_000_000)
        same = pa.chunked_array([piece] * 60)
        _write_parquet(path, same if name == "strings" else pa.chunked_array([pa.nulls(10**9)]))
        return "parquet"
    return "json"


def _write_parquet(path: Path, column: pa.ChunkedArray) -> None:
    pq.write_table(pa.table({"x": column}), path, row_group_size=2**40, compression="zstd")


BOMBS = {
    "objects": "rows",
    "objects in a field": "allowed: 448000000",
    "keys": "fields; allowed: 20000",
    "keys by lines": "200 rows",
    "deep": "allowed: 100",
    "columns": "fields; allowed: 1000",
    "strings": "200 rows",
    "a billion rows": "200 rows",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_read_within_its_bounds_or_refused(name: str, tmp_path: Path) -> None:
    reader = write(name, tmp_path / "bomb")
    done = subprocess.run(
        [sys.executable, "-c", READ, reader, str(tmp_path / "bomb")],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    told, megabytes, seconds = json.loads(done.stdout)
    assert BOMBS[name] in told
    assert megabytes < 512
    assert seconds < 60
