"""Which configs and files are chosen, from cards and from folders."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.models import Card
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.domain.text import clean_text
from dynosaur_etl.domain.training_splits import SplitUse
from dynosaur_etl.hub.configs import plan_configs
from dynosaur_etl.hub.data_files import RepoFile


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
            "a/train_r1.parquet a/train_r2.parquet a/dev_r1.parquet",
            {"a": {"train_r1": ["a/train_r1.parquet"], "train_r2": ["a/train_r2.parquet"]}},
        ),
        (
            "poems/constraint.parquet poems/free.parquet",
            {"poems": {"constraint": ["poems/constraint.parquet"], "free": ["poems/free.parquet"]}},
        ),
        ("a/train.parquet a/labels.parquet", {"a": {"train": ["a/train.parquet"]}}),
        ("a/0000.parquet a/0001.parquet", {"a": {"train": ["a/0000.parquet", "a/0001.parquet"]}}),
        ("a/part-000.csv a/part-001.csv", {"a": {"part": ["a/part-000.csv", "a/part-001.csv"]}}),
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
        ("my_train_set.csv x.md", {"default": {"train": ["my_train_set.csv"]}}),
        ("constraint.csv latest.csv", {"default": {"train": ["constraint.csv", "latest.csv"]}}),
        ("train.csv train_test.csv test.csv", {"default": {"train": ["train.csv"]}}),
        (
            "data/stem-00000-of-00001.parquet",
            {"default": {"stem": ["data/stem-00000-of-00001.parquet"]}},
        ),
        ("my-train/a.csv my-test/b.csv", {"default": {"train": ["my-train/a.csv"]}}),
        ("one.csv two.csv", {"default": {"train": ["one.csv", "two.csv"]}}),
        ("notes.csv train.csv", {"default": {"train": ["train.csv"]}}),
        ("train/x.jsonl test/y.jsonl", {"default": {"train": ["train/x.jsonl"]}}),
        ("train.csv train.parquet train.jsonl", {"default": {"train": ["train.parquet"]}}),
        ("a.csv b.csv c.parquet", {"default": {"train": ["a.csv", "b.csv"]}}),
        ("a.csv b.json", {"default": {"train": ["b.json"]}}),
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
            [{"split": "stem", "path": "x/a.csv"}, {"split": "test", "path": ["x/b.csv"]}],
            {"stem": ["x/a.csv"]},
        ),
        (
            [{"split": "train", "path": "gone.csv"}, {"split": "chat", "path": ["x/b.csv"]}],
            {"chat": ["x/b.csv"]},
        ),
    ],
)
def test_declared_files(data_files: Any, splits: dict[str, list[str]]) -> None:
    config = {"config_name": "named", "data_files": data_files}
    planned, rejects = plan("x/a.csv x/b.csv x/y/c.csv top.csv", config)
    assert planned == {"named": ("csv", splits)}
    assert rejects == {}


@pytest.mark.parametrize(
    ("paths", "configs", "held"),
    [
        ("dev.tsv test.tsv", [], "validation, test"),
        ("my_dev_set.csv README.md", [], "validation"),
        ("a/validation_matched.parquet a/test.parquet", [], "test, validation_matched"),
        ("blind_test/test.parquet", [], "test"),
        ("x.csv", [{"data_files": [{"split": "blind_test", "path": "x.csv"}]}], "blind_test"),
        ("x.csv y.csv", [{"data_files": {"testA": "x.csv", "heldOut": "y.csv"}}], "testA, heldOut"),
    ],
)
def test_a_config_of_splits_for_evaluation_alone_has_its_own_reason(
    paths: str, configs: list[dict[str, Any]], held: str
) -> None:
    named = [{**config, "config_name": "default"} for config in configs]
    card = Card(("mit",), ("en",), (), "", "", "", tuple(named), "")
    files = [RepoFile(path, 1) for path in paths.split()]
    kept, [reject] = plan_configs(card, files, 10)
    assert kept == []
    assert (reject.reason, reject.detail) == (Reason.NO_TRAINING_SPLIT, held)
    [all_of_them], rejects = plan_configs(card, files, 10, SplitUse.ALL)
    assert list(all_of_them.splits) == held.split(", ")
    assert (rejects, all_of_them.held_back) == ([], ())


def test_what_is_held_back_is_told_of_a_config_that_is_kept() -> None:
    files = [RepoFile(f"data/{name}-00000-of-00001.parquet", 1) for name in ("train", "dev", "x")]
    [config], _ = plan_configs(Card((), (), (), "", "", "", (), ""), files, 10)
    assert list(config.splits) == ["train", "x"]
    assert config.held_back == ("dev",)


def test_every_file_counts_however_many_a_card_names() -> None:
    names = [f"y{number}" for number in range(139)]
    split_each = [{"split": name, "path": f"names/{name}.parquet"} for name in names]
    listed = [f"names/{name}.parquet" for name in names]
    paths = " ".join(listed)
    planned, _ = plan(paths, {"config_name": "names", "data_files": split_each})
    assert planned == {"names": ("parquet", {name: [f"names/{name}.parquet"] for name in names})}
    planned, _ = plan(paths, {"config_name": "names", "data_files": listed})
    assert planned == {"names": ("parquet", {"train": listed})}


def test_files_of_another_format_are_counted() -> None:
    files = [RepoFile(path, 1) for path in ("x/train.csv", "x/train.parquet", "x/train_2.csv")]
    [config], _ = plan_configs(Card((), (), (), "", "", "", (), ""), files, 10)
    assert (config.format, config.of_other_formats) == ("csv", 1)


@pytest.mark.parametrize("name", ["x" * 400, "a\x00b", "\ud800"])
def test_a_name_that_cannot_be_kept_is_a_reject_that_can(name: str) -> None:
    card = Card((), (), (), "", "", "", ({"config_name": name, "data_files": "x.csv"},), "")
    kept, [reject] = plan_configs(card, [RepoFile("x.csv", 1)], 10)
    assert kept == []
    assert reject.reason is Reason.CONFIG_MISSING
    assert clean_text(reject.subject) == reject.subject
    assert len(reject.subject) <= 300


def test_a_config_without_files_of_its_own_has_all_of_the_repository() -> None:
    planned, _ = plan("train.csv test.csv", {"config_name": "c", "sep": "|"})
    assert planned == {"c": ("csv", {"train": ["train.csv"]})}


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
