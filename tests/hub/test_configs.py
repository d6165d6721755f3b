"""Which configs and files are chosen, from cards and from folders."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.models import Card
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.hub.configs import RepoFile, plan_configs


def plan(
    paths: str, *configs: dict[str, Any], limit: int = 10
) -> tuple[dict[str, tuple[str, dict[str, list[str]]]], dict[str, Reason]]:
    card = Card(("mit",), ("en",), (), "", "", (), configs, "")
    kept, rejects = plan_configs(card, [RepoFile(path, 1) for path in paths.split()], limit)
    assert all(reject.stage is Stage.CONFIGS for reject in rejects)
    chosen: dict[str, tuple[str, dict[str, list[str]]]] = {
        item.name: (item.format, {k: [f.path for f in v] for k, v in item.splits.items()})
        for item in kept
    }
    return chosen, {reject.subject: reject.reason for reject in rejects}


@pytest.mark.parametrize(
    ("paths", "chosen"),
    [
        ("cola/train.parquet cola/test.parquet", {"cola": {"train": ["cola/train.parquet"]}}),
        (
            "a/validation_matched.parquet a/test.parquet",
            {"a": {"validation_matched": ["a/validation_matched.parquet"]}},
        ),
        ("a/full.parquet", {"a": {"full": ["a/full.parquet"]}}),
        (
            "en/train-00000-of-00002.parquet en/train-00001-of-00002.parquet",
            {
                "en": {
                    "train": ["en/train-00000-of-00002.parquet", "en/train-00001-of-00002.parquet"]
                }
            },
        ),
        (
            "en/train/0000.parquet en/train/0001.parquet",
            {"en": {"train": ["en/train/0000.parquet", "en/train/0001.parquet"]}},
        ),
        (
            "data/train-00000-of-00001.parquet data/test-00000-of-00001.parquet",
            {"default": {"train": ["data/train-00000-of-00001.parquet"]}},
        ),
        ("data/en/train.csv", {"en": {"train": ["data/en/train.csv"]}}),
        ("my_dev_set.csv README.md", {"default": {"validation": ["my_dev_set.csv"]}}),
        ("one.csv two.csv", {"default": {"train": ["one.csv", "two.csv"]}}),
        ("notes.csv train.csv", {"default": {"train": ["train.csv"]}}),
        ("train/x.jsonl test/y.jsonl", {"default": {"train": ["train/x.jsonl"]}}),
        ("train.csv train.parquet train.jsonl", {"default": {"train": ["train.parquet"]}}),
        ("dev.tsv test.tsv", {"default": {"validation": ["dev.tsv"]}}),
        ("README.md loader.py dataset_infos.json .hidden/train.csv metadata.csv", {}),
        ("", {}),
    ],
)
def test_layouts(paths: str, chosen: dict[str, dict[str, list[str]]]) -> None:
    planned, rejects = plan(paths)
    assert {name: splits for name, (_, splits) in planned.items()} == chosen
    assert rejects == {}


@pytest.mark.parametrize(
    ("data_files", "splits"),
    [
        ("x/*.csv", {"train": ["x/a.csv", "x/b.csv"]}),
        (["x/b.csv", "x/*.csv"], {"train": ["x/b.csv", "x/a.csv"]}),
        ("**/*.csv", {"train": ["top.csv", "x/a.csv", "x/b.csv", "x/y/c.csv"]}),
        ("**", {"train": ["top.csv", "x/a.csv", "x/b.csv", "x/y/c.csv"]}),
        ("./top.csv", {"train": ["top.csv"]}),
        ("*.csv", {"train": ["top.csv"]}),
        ("x/[ab].csv", {"train": ["x/a.csv", "x/b.csv"]}),
        ({"train": "x/a.csv", "test": "x/b.csv"}, {"train": ["x/a.csv"]}),
        (
            [{"split": "dev", "path": "x/a.csv"}, {"split": "test", "path": ["x/b.csv"]}],
            {"dev": ["x/a.csv"]},
        ),
    ],
)
def test_declared_files(data_files: Any, splits: dict[str, list[str]]) -> None:
    config = {"config_name": "named", "data_files": data_files}
    planned, rejects = plan("x/a.csv x/b.csv x/y/c.csv top.csv", config)
    assert planned == {"named": ("csv", splits)}
    assert rejects == {}


def test_a_data_folder_is_where_patterns_start() -> None:
    paths = "x/train.csv x/test.csv y/train.csv"
    here, _ = plan(paths, {"config_name": "c", "data_dir": "x"})
    assert here == {"c": ("csv", {"train": ["x/train.csv"]})}
    there, _ = plan(paths, {"config_name": "c", "data_dir": "./y", "data_files": "*.csv"})
    assert there == {"c": ("csv", {"train": ["y/train.csv"]})}


@pytest.mark.parametrize(
    "data_files",
    [
        "../../etc/passwd.csv",
        "/etc/passwd.csv",
        "https://evil.example/x.csv",
        "hf://datasets/other/name/x.csv",
        "[",
        "x" * 10_000,
        "**/" * 90 + "z.csv",
        {"train": {"deep": ["x.csv"]}},
        [None, True, {"path": "x.csv"}],
    ],
)
def test_patterns_reach_nothing_but_the_listing(data_files: Any) -> None:
    paths = "a/" * 60 + "x.csv"
    planned, rejects = plan(paths, {"config_name": "c", "data_files": data_files})
    assert planned == {}
    assert rejects == {"c": Reason.CONFIG_MISSING}


def test_the_order_and_the_cap() -> None:
    configs = [{"config_name": name, "data_files": "x.csv"} for name in ("c", "b", "default", "a")]
    configs[0]["default"] = True  # type: ignore[assignment]
    planned, rejects = plan("x.csv", *configs, limit=3)
    assert list(planned) == ["c", "default", "a"]
    assert rejects == {"b": Reason.OVER_CONFIG_CAP}


def test_a_config_without_files_takes_no_place_under_the_cap() -> None:
    configs = [
        {"config_name": "a", "data_files": "gone.csv"},
        {"config_name": "b", "data_files": "x.csv"},
    ]
    planned, rejects = plan("x.csv", *configs, limit=1)
    assert list(planned) == ["b"]
    assert rejects == {"a": Reason.CONFIG_MISSING}


def test_a_large_repository_with_many_configs_takes_seconds() -> None:
    configs = [{"config_name": f"c{n}", "data_files": "*/*/x*.csv"} for n in range(50)]
    paths = " ".join(f"d{n}/e/file{n}.csv" for n in range(20_000))
    started = time.process_time()
    planned, rejects = plan(paths, *configs)
    assert time.process_time() - started < 10
    assert (len(planned), len(rejects)) == (0, 50)


PATHS = st.lists(
    st.text(st.sampled_from("abtrin./*[]-_0"), min_size=1, max_size=20).map(lambda p: p + ".csv"),
    max_size=8,
    unique=True,
)
JSON = st.recursive(
    st.none() | st.text("ab*/.[", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["split", "path", "train"]), inner)
    ),
)


@given(PATHS, st.lists(st.dictionaries(st.sampled_from(["data_files", "data_dir"]), JSON)))
def test_every_config_ends_once_and_with_files_of_the_repository(
    paths: list[str], configs: list[dict[str, Any]]
) -> None:
    named = tuple({**config, "config_name": f"c{n}"} for n, config in enumerate(configs))
    files = [RepoFile(path, 1) for path in paths]
    card = Card((), (), (), "", "", (), named, "")
    kept, rejects = plan_configs(card, files, 2)
    names = [config.name for config in kept] + [reject.subject for reject in rejects]
    assert len(set(names)) == len(names)
    assert len(kept) <= 2
    for config in kept:
        assert config.splits
        for split in config.splits.values():
            assert split
            assert set(split) <= set(files)
