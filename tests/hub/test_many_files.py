"""Configs of many files: all are counted, and what is read of them costs a bounded number."""

from collections import Counter
from itertools import pairwise
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.models import Card
from dynosaur_etl.hub import remote_file
from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.hub.configs import plan_configs
from dynosaur_etl.hub.data_files import RepoFile
from dynosaur_etl.hub.file_draw import LARGE, MOST, drawn_files
from dynosaur_etl.hub.rows import ConfigSample, sample_config
from tests.hub.faulty_hub import FaultyHub
from tests.hub.test_rows import REVISION, lines, parquet

SHARDS = 4_000
LARGE_SIZE = remote_file.WHOLE + 1


def shard(number: int, rows: int = 3) -> bytes:
    texts = [f"file {number}, row {row}" for row in range(rows)]
    return parquet({"text": pa.array(texts), "mood": pa.array(["calm"] * rows)})


def names(count: int, suffix: str) -> list[str]:
    return [f"data/train-{at:05d}-of-{count:05d}.{suffix}" for at in range(count)]


def sampled(hub: FaultyHub, client: HubClient, contents: dict[str, bytes]) -> ConfigSample:
    hub.files.update(contents)
    listed = [RepoFile(path, len(content)) for path, content in contents.items()]
    [config], _ = plan_configs(Card((), (), (), "", "", "", (), ""), listed, 1)
    return sample_config(client, REVISION, config, 200, 0)


def files_of(sample: ConfigSample) -> Counter[int]:
    texts = sample.table["text"].to_pylist()
    return Counter(int(text.partition(",")[0].removeprefix("file ")) for text in texts)


@pytest.mark.parametrize(("count", "suffix"), [(139, "parquet"), (256, "jsonl"), (139, "csv")])
def test_all_files_are_read_where_they_are_some_hundred(
    hub: FaultyHub, client: HubClient, count: int, suffix: str
) -> None:
    contents = {}
    for at, name in enumerate(names(count, suffix)):
        rows = [{"text": f"file {at}, row {row}", "mood": "calm"} for row in range(3)]
        table = "text,mood\n" + "".join(f'"{row["text"]}",calm\n' for row in rows)
        of_kind = {"parquet": shard(at), "jsonl": lines(rows), "csv": table.encode()}
        contents[name] = of_kind[suffix]
    sample = sampled(hub, client, contents)
    assert dict(sample.config.splits) == {"train": 3 * count}
    assert sample.reading["train"].unread == ""
    assert len(hub.asked) == count
    found = files_of(sample)
    assert len(found) > count / 3
    assert max(found) - min(found) > 0.9 * count


@pytest.mark.parametrize("suffix", ["parquet", "jsonl"])
def test_of_thousands_of_files_some_are_read_spread_over_all(
    hub: FaultyHub, client: HubClient, suffix: str
) -> None:
    contents = {
        name: shard(at) if suffix == "parquet" else lines([{"text": f"file {at}, row", "mood": 1}])
        for at, name in enumerate(names(SHARDS, suffix))
    }
    sample = sampled(hub, client, contents)
    assert len(hub.asked) == MOST
    assert dict(sample.config.splits) == {"train": -1}
    assert sample.reading["train"].unread == f"{MOST} of {SHARDS} files read"
    quarters = Counter(4 * number // SHARDS for number in files_of(sample))
    assert set(quarters) == {0, 1, 2, 3}


def test_large_files_cost_a_bounded_number_of_ranged_reads(
    hub: FaultyHub, client: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_file, "WHOLE", 1_000)  # so that these files are large
    rows = 2_000
    content = [
        parquet(
            {"text": pa.array([f"file {at}, row {row}" for row in range(rows)]),
             "mood": pa.array(range(rows))}, group=100,
        )
        for at in range(4)
    ]  # fmt: skip
    sample = sampled(
        hub, client, {name: content[at % 4] for at, name in enumerate(names(400, "parquet"))}
    )
    reading = sample.reading["train"]
    assert reading.files == 400
    assert len(reading.read) == MOST // LARGE
    assert sum(rows for _, rows in reading.as_json()["read"]) == rows * MOST // LARGE
    assert sample.table.num_rows == 200
    assert len(hub.asked) <= 8 * MOST // LARGE
    assert all("range" in headers for _, headers in hub.asked)


SIZES = st.lists(st.sampled_from([10, LARGE_SIZE]), max_size=400)


@given(st.lists(SIZES, min_size=1, max_size=3), st.integers(0, 9))
def test_the_files_that_are_chosen(sizes: list[list[int]], seed: int) -> None:
    splits = {
        f"s{number}": [RepoFile(f"{number}/{at}", size) for at, size in enumerate(of_split)]
        for number, of_split in enumerate(sizes)
    }
    everything = [file for files in splits.values() for file in files]
    chosen = drawn_files(splits, Random(seed))
    assert chosen == drawn_files(splits, Random(seed))
    assert chosen.keys() == splits.keys()
    for name, files in chosen.items():
        places = [splits[name].index(file) for file in files]
        assert places == sorted(set(places))
    weight = sum(1 if file.size <= remote_file.WHOLE else LARGE for file in everything)
    number = sum(map(len, chosen.values()))
    if weight <= MOST:
        assert number == len(everything)
    else:
        assert 1 <= number <= MOST
        flat = [file for files in chosen.values() for file in files]
        at = [everything.index(file) for file in flat]
        widest = max((after - before for before, after in pairwise(at)), default=0)
        assert widest <= 2 * -(-len(everything) // number)
