"""Patterns and default splits, held against those of the installed `datasets` on real folders."""

import re
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from dynosaur_etl.domain.training_splits import is_held_back
from dynosaur_etl.hub.data_files import (
    DataFiles,
    RepoFile,
    TooManyPatterns,
    default_splits,
    names_a_split,
)

LISTS = [
    "train.csv test.csv",
    "train.csv constraint.csv latest.csv contest.csv",
    "constraint.csv device.csv valley.csv",
    "data/train-00000-of-00002.parquet data/train-00001-of-00002.parquet data/x.parquet",
    "data/stem-00000-of-00001.parquet data/test-00000-of-00001.parquet other.parquet",
    "train-00000-of-00001.parquet validation-00000-of-00001.parquet",
    "data/train-00000-of-00001-abcdef0123456789.parquet",
    "train/a.csv train/b.csv test/a.csv",
    "data/train/a.csv data/valid/a.csv notes.csv",
    "my-train/a.csv dev_set/b.csv",
    "train_1.csv train_2.csv eval_1.csv evaluation.csv",
    "trainees.csv training.csv testing.csv tests.csv",
    "a/train.csv b/train.csv a/test.csv",
    "a/b/c/d.csv e.csv",
    "sub/train.jsonl sub/dev.jsonl sub/blind.jsonl",
    "TRAIN.csv Test.csv",
    "val.csv val2014.csv valid.csv",
    "train.csv.gz test.csv.gz",
    "train/test.csv test/train.csv",
    ".hidden/train.csv __pycache__/train.csv train.csv",
    "a train set.csv a test set.csv",
    "train_test.csv other.csv",
    "dataset_infos.json config.json data.json",
    "x.eval.csv",
    "en.train.csv en.dev.csv",
    "2020-train/a.parquet 2020-test/a.parquet",
    "train-[0].csv test.csv",
    "data/data/train.csv data/data/test.csv",
    "squad_v2_train.json squad_v2_dev.json",
    "training_set/0001.json validation_set/0001.json",
]
PATTERNS = [
    "*.csv", "**/*.csv", "**", "*", "a/**", "a/*", "*/*.csv", "a/b/c/d.csv", "./e.csv",
    "**/train*", "[ab]/train.csv", "[!a]/train.csv", "?/train.csv", "**/b/**", "a/**/d.csv", ".*/*",
    "__*/*", "**/__pycache__/*", "train.cs[v]", "config.json", "*.json", "*/config.json", "train/",
    "data/train-*", "data/*-of-*", "gone.csv", "", "a//b//c//d.csv", "[", "[]a].csv", "**/**/*.csv",
]  # fmt: skip


def made(folder: Path, paths: list[str]) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x")


def theirs_by_pattern(folder: Path, pattern: str) -> list[str]:
    from datasets.data_files import resolve_pattern

    try:
        found = resolve_pattern(pattern, folder.as_posix())
    except (FileNotFoundError, ValueError, re.error):
        return []
    return [Path(path).relative_to(folder).as_posix() for path in found]


def theirs(folder: Path) -> dict[str, list[str]]:
    from datasets.data_files import DataFilesList, get_data_patterns

    patterns = get_data_patterns(folder.as_posix())
    found = {}
    for split, of_split in patterns.items():
        files = DataFilesList.from_patterns(of_split, base_path=folder.as_posix())
        short = [path.removeprefix(f"{folder.as_posix()}/") for path in files]
        found[str(split)] = list(dict.fromkeys(short))
    return found


def ours(paths: list[str]) -> dict[str, list[str]]:
    splits = default_splits([RepoFile(path, 1) for path in paths])
    return {split: [file.path for file in files] for split, files in splits.items()}


def listed(text: str) -> list[str]:
    """Take a list of names apart at their suffixes, as some names hold blanks."""
    return re.findall(r"\S(?:.*?\.(?:csv|jsonl|json|parquet)(?:\.gz)?)(?= |$)", text)


@pytest.mark.parametrize("text", LISTS)
def test_default_splits_are_those_of_datasets(text: str, tmp_path: Path) -> None:
    paths = listed(text)
    made(tmp_path, paths)
    assert ours(paths) == theirs(tmp_path)


WORDS = st.sampled_from(
    ["train", "test", "dev", "val", "valid", "eval", "training", "constraint", "latest", "x",
     "data", "a", "2020", "TRAIN", "testing", "device", "blind", "split"]
)  # fmt: skip
NAMES = st.lists(WORDS, min_size=1, max_size=3).flatmap(
    lambda words: st.sampled_from(["-", "_", ".", " ", "", "0"]).map(lambda sep: sep.join(words))
)
PATHS = st.builds(
    lambda folders, name, end: "/".join([*folders, f"{name}{end}"]),
    st.lists(NAMES, max_size=2),
    NAMES | NAMES.map(lambda name: f"{name}-00000-of-00001"),
    st.sampled_from([".csv", ".jsonl", ".parquet", ".csv.gz"]),
)


def fits_a_disk(paths: list[str]) -> bool:
    folders = {
        "/".join(path.split("/")[:end]) for path in paths for end in range(1, path.count("/") + 1)
    }
    return not folders & set(paths)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PATHS, min_size=1, max_size=6, unique=True).filter(fits_a_disk))
def test_default_splits_are_those_of_datasets_whatever_the_files(paths: list[str]) -> None:
    with TemporaryDirectory() as name:
        made(Path(name), paths)
        try:
            wanted = theirs(Path(name))
        except ValueError as refusal:  # such as data/train-train-00000-of-00001.csv
            assume("Split name should match" not in str(refusal))
            raise
        assert ours(paths) == wanted


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("text", LISTS)
def test_a_pattern_means_the_files_that_datasets_finds(
    text: str, pattern: str, tmp_path: Path
) -> None:
    paths = listed(text)
    made(tmp_path, paths)
    files = DataFiles(RepoFile(path, 1) for path in paths)
    found = [file.path for file in files.matching(pattern)]
    assert found == theirs_by_pattern(tmp_path, pattern)


PIECES = st.sampled_from(
    ["*", "**", "a", "b.csv", "?", "[ab]", "[!a]*", ".h", "__p", "*.csv", "a*"]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(PIECES, min_size=1, max_size=4).map("/".join),
    st.lists(
        st.lists(st.sampled_from(["a", "b", ".h", "__p", "ab", "a.csv"]), max_size=2).flatmap(
            lambda folders: st.sampled_from(["b.csv", "a.csv", ".h", "ab.csv"]).map(
                lambda file: "/".join([*folders, file])
            )
        ),
        min_size=1,
        max_size=5,
        unique=True,
    ).filter(fits_a_disk),
)
def test_a_pattern_means_the_files_that_datasets_finds_whatever_both_are(
    pattern: str, paths: list[str]
) -> None:
    with TemporaryDirectory() as name:
        made(Path(name), paths)
        files = DataFiles(RepoFile(path, 1) for path in paths)
        found = [file.path for file in files.matching(pattern)]
        assert found == theirs_by_pattern(Path(name), pattern)


@pytest.mark.parametrize("folder", ["x", "./x/", "x/y", ""])
def test_a_pattern_is_looked_for_in_the_folder_of_a_config(folder: str) -> None:
    files = DataFiles(RepoFile(path, 1) for path in ("x/a.csv", "x/y/a.csv", "a.csv", "xa.csv"))
    inside = f"{folder.strip('./')}/a.csv".lstrip("/")
    assert [file.path for file in files.matching("a.csv", folder)] == [inside]


def test_patterns_that_cost_too_much_are_an_error_and_not_a_wait() -> None:
    files = DataFiles(RepoFile(f"{'a/' * 30}{number}.csv", 1) for number in range(10_000))
    started = time.process_time()
    with pytest.raises(TooManyPatterns):
        for _ in range(1_000):
            files.matching("**/" * 40 + "x.csv")
    assert time.process_time() - started < 20


TRAINING = (
    "train", "train_sft", "auxiliary_train", "stem", "chat", "math", "constraint", "latest",
    "contest", "device", "invalid", "unsupervised", "train_r1", "y0", "restrain", "",
)  # fmt: skip
EVALUATION = (
    "test", "test_sft", "dev-matched", "test2014", "blindTest", "blind_test", "held_out", "heldOut",
    "TESTSet", "testA", "val.1", "evaluation_2020", "train_dev", "devtest", "holdout", "valid",
)  # fmt: skip


@pytest.mark.parametrize("name", [*TRAINING, *EVALUATION])
def test_the_words_of_a_splits_name_decide(name: str) -> None:
    assert is_held_back(name) is (name in EVALUATION)


@pytest.mark.parametrize(
    ("folder", "is_split"),
    [("train", True), ("my-test", True), ("dev set", True), ("constraint", False), ("en", False),
     ("val2", True), ("blind", False)],
)  # fmt: skip
def test_folders_named_like_a_split(folder: str, is_split: bool) -> None:
    assert names_a_split(folder) is is_split
