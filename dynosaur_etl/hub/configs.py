"""Which configs a dataset has, and which of its files hold their rows.

Configs come from the first of these that names any:

1. The card's `configs`, with their `data_files` and `data_dir`, resolved over the repository's
   own files. A pattern is only ever compared with those, so it can reach nothing else.
2. Folders: `<config>/<split>.parquet`, `<config>/<split>-00000-of-00002.parquet` or
   `<config>/<split>/<any name>`. A folder that is named like a split, or `data`, is no config.
3. Files in the root or in `data`, as the config `default`; split by the words in their names.

Order and cap: the config that the card marks as default, then `default`, then by name; those over
the limit are rejected. One config is read in one format: Parquet, else JSON, else CSV, else one
that `datasets` has to stream. Folders and loose files of such a format count only where the
repository holds no file of the first three.

Splits: those whose name contains `train`; if there are none, those with `val` or `dev`; else all.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from itertools import chain
from typing import Any

from dynosaur_etl.domain.models import Card, Reject
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.hub.formats import PREFERENCE, READ_HERE, Format, format_of, without_suffix

MAX_DECLARED = 300
MAX_PATTERNS = 50
MAX_PATTERN = 300

_NO_DATA = re.compile(
    r"(?:dataset_infos?|state|config|package|metadata|requirements|vocab|tokenizer\w*)"
)
_SHARD = re.compile(r"[-_.]\d{5}[-_]of[-_]\d{5}(?:-[0-9a-f]+)?$")
_SPLIT_WORDS = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
}  # fmt: skip
_WORDS = re.compile(r"[A-Za-z]+")
_DATA_FOLDER = "data"

_Split = tuple[str, Iterable["RepoFile"]]


@dataclass(frozen=True)
class RepoFile:
    """One file of a repository at a revision; the size is in bytes, `oid` is git's name of it."""

    path: str
    size: int
    oid: str = ""


@dataclass(frozen=True)
class ConfigFiles:
    """The files of a config's splits, in the order in which their rows count.

    Attributes:
        commit: of the repository that holds the files; None: the pinned revision itself.
    """

    name: str
    format: Format
    splits: Mapping[str, tuple[RepoFile, ...]]
    commit: str | None = None


def plan_configs(
    card: Card, files: Sequence[RepoFile], limit: int
) -> tuple[list[ConfigFiles], list[Reject]]:
    """Choose at most `limit` configs and their files for training use.

    Returns:
        The configs, and a reject for each one that is over the limit or declares files that are
        not there; a reject's subject is the config's name. Both are empty where the repository
        holds no data file, as that of a loading script does.
    """
    data = sorted(filter(_is_data, files), key=lambda file: file.path)
    declared = _declared(card.configs)
    read_here = [file for file in data if format_of(file.path) in READ_HERE]
    found = _resolve_declared(declared, data) if declared else _resolve_layout(read_here or data)
    kept: list[ConfigFiles] = []
    rejects: list[Reject] = []
    for number, (name, splits) in enumerate(found):
        if len(kept) == limit or number >= MAX_DECLARED:
            over = f"over the {limit} configs taken from one dataset"
            rejects.append(Reject(Stage.CONFIGS, name, Reason.OVER_CONFIG_CAP, over))
        elif planned := _plan(name, splits):
            kept.append(planned)
        else:
            missing = "no readable file of the repository matches its data_files"
            rejects.append(Reject(Stage.CONFIGS, name, Reason.CONFIG_MISSING, missing))
    return kept, rejects


def _plan(name: str, splits: Iterable[_Split]) -> ConfigFiles | None:
    held: dict[Format, dict[str, list[RepoFile]]] = {}
    for split, files in splits:
        for file in files:
            kind = format_of(file.path)
            if kind is not None:
                held.setdefault(kind, {}).setdefault(split, []).append(file)
    if not held:
        return None
    chosen = next(item for item in PREFERENCE if item in held)
    names = training_splits(list(held[chosen]))
    unique = {split: tuple(dict.fromkeys(held[chosen][split])) for split in names}
    return ConfigFiles(name, chosen, unique)


def training_splits(names: Sequence[str]) -> list[str]:
    """Choose the splits whose rows may train: see the module's last rule."""
    for words in (("train",), ("val", "dev")):
        chosen = [name for name in names if any(word in name.lower() for word in words)]
        if chosen:
            return chosen
    return list(names)


def _is_data(file: RepoFile) -> bool:
    parts = file.path.split("/")
    hidden = any(part.startswith((".", "__")) for part in parts)
    about = _NO_DATA.fullmatch(without_suffix(parts[-1].lower()))
    return not hidden and not about and format_of(file.path) is not None


def _declared(configs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Give the configs that say where their files are, in the order of choice."""
    named = {
        str(config["config_name"]): config
        for config in configs
        if config.get("data_files") or config.get("data_dir")
    }
    return [named[name] for name in sorted(named, key=lambda name: rank_config(name, named[name]))]


def rank_config(name: str, config: Mapping[str, Any]) -> tuple[bool, bool, str]:
    """Give a config's place in the order of choice, by its name and what the card says of it."""
    return config.get("default") is not True, name != "default", name


def _resolve_declared(
    configs: Iterable[Mapping[str, Any]], data: Sequence[RepoFile]
) -> Iterator[tuple[str, Iterable[_Split]]]:
    """Yield the configs by name; their splits are looked for when they are read."""
    for config in configs:
        folder = str(config.get("data_dir") or "").strip("/").removeprefix("./")
        splits = _declared_splits(config.get("data_files"), folder, data)
        yield str(config["config_name"]), splits


def _declared_splits(data_files: Any, folder: str, data: Sequence[RepoFile]) -> Iterator[_Split]:
    if not data_files:
        yield from _by_words([file for file in data if file.path.startswith(f"{folder}/")])
    elif isinstance(data_files, Mapping):
        for split, patterns in data_files.items():
            yield str(split), _matching(patterns, folder, data)
    elif isinstance(data_files, list) and any(isinstance(item, Mapping) for item in data_files):
        for item in data_files[:MAX_PATTERNS]:
            if isinstance(item, Mapping) and item.get("split"):
                yield str(item["split"]), _matching(item.get("path"), folder, data)
    else:
        yield "train", _matching(data_files, folder, data)


def _matching(patterns: Any, folder: str, data: Sequence[RepoFile]) -> Iterator[RepoFile]:
    """Yield the files that a text or a list of texts names, in the order of the patterns."""
    for pattern in (patterns if isinstance(patterns, list) else [patterns])[:MAX_PATTERNS]:
        if isinstance(pattern, str) and 0 < len(pattern) <= MAX_PATTERN:
            full = f"{folder}/{pattern}" if folder else pattern.removeprefix("./")
            matches = _matcher(full)
            yield from (file for file in data if matches(file.path))


def _matcher(pattern: str) -> Callable[[str], bool]:
    """Compare as the Hub does: `*` stays within a folder, `**` is any number of folders."""
    start = re.split(r"[*?\[]", pattern, maxsplit=1)[0]
    if start == pattern:
        return pattern.__eq__
    parts = [None if part == "**" else re.compile(translate(part)) for part in pattern.split("/")]
    return lambda path: path.startswith(start) and _matches(path.split("/"), parts)


def _matches(names: Sequence[str], parts: Sequence[re.Pattern[str] | None]) -> bool:
    """Follow the parts along a path's names; None is any number of names."""
    reached = {0}  # how many names the parts so far can have used up
    for part in parts:
        if part is None:
            reached = set(range(min(reached), len(names) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(names) and part.match(names[at])}
        if not reached:
            return False
    return len(names) in reached


def _resolve_layout(data: Sequence[RepoFile]) -> Iterator[tuple[str, Iterable[_Split]]]:
    folders: dict[str, list[RepoFile]] = {}
    for file in data:
        folders.setdefault(_config_folder(file), []).append(file)
    loose = folders.pop("", [])
    if loose:
        yield "default", chain(_by_words(loose), _by_folder(folders.pop("default", [])))
    for name in sorted(folders, key=lambda name: rank_config(name, {})):
        yield name, _by_folder(folders[name])


def _config_folder(file: RepoFile) -> str:
    folders = file.path.split("/")[:-1]
    if folders and folders[0].lower() == _DATA_FOLDER:
        folders = folders[1:]
    return "" if not folders or folders[0].lower() in _SPLIT_WORDS else folders[0]


def _by_folder(data: Iterable[RepoFile]) -> Iterator[_Split]:
    """Name a split after the folder inside the config's, else after the file."""
    for file in data:
        below = file.path.removeprefix(f"{_DATA_FOLDER}/").split("/")[1:]
        yield (below[0] if len(below) > 1 else _stem(below[-1])), [file]


def _by_words(data: Sequence[RepoFile]) -> Iterator[_Split]:
    """Name splits as `datasets` does; files without a split's word count if none has one."""
    worded = [(split, file) for file in data if (split := _split_word(file.path))]
    yield from ((split, [file]) for split, file in worded or [("train", file) for file in data])


def _split_word(path: str) -> str | None:
    sharded = _SHARD.search(without_suffix(path))
    if sharded:
        return _stem(path.rpartition("/")[2])
    words = [word.lower() for word in _WORDS.findall(without_suffix(path))]
    return next((_SPLIT_WORDS[word] for word in reversed(words) if word in _SPLIT_WORDS), None)


def _stem(name: str) -> str:
    return _SHARD.sub("", without_suffix(name))
