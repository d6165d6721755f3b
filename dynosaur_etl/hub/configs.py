"""Which configs a dataset has, and which of its files hold their rows for training.

Configs come from the first of these that names any:

1. The card's `configs`, with their `data_files` and `data_dir` (see `data_files`). One without
   either has all files of the repository, sorted into splits as `datasets` sorts them.
2. Folders: `<config>/<split>.parquet`, `<config>/<split>-00000-of-00002.parquet` or
   `<config>/<split>/<any name>`. A folder named like a split, or `data`, is no config. Where some
   files of a folder have the words by which `datasets` knows a split, the others do not count.
3. Files in the root or in `data`, as the config `default`, sorted as `datasets` sorts them.

Order and cap: the config that the card marks as default, then `default`, then by name; those over
the limit are rejected. One config is read in one format, that of most of its files; of two equal
ones in Parquet, JSON, CSV, or one that `datasets` has to stream. Without a card's word, files of
such a format count only where the repository holds none of the first three.

Splits whose names say that they are for evaluation are held back (see `training_splits`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dynosaur_etl.domain.models import Card, Reject
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.domain.text import clean_text, shorten
from dynosaur_etl.domain.training_splits import SplitUse, is_held_back, parted
from dynosaur_etl.hub.data_files import (
    DataFiles,
    RepoFile,
    default_splits,
    names_a_split,
    prefix_of,
)
from dynosaur_etl.hub.formats import (
    PREFERENCE,
    READ_HERE,
    Format,
    format_of,
    streamed,
    without_suffix,
)
from dynosaur_etl.hub.reader_options import can_read_here, declared_features, options_of

MAX_DECLARED = 300
MAX_NAME = 300
MAX_SPLITS = 10_000

_NO_DATA = re.compile(
    r"(?:dataset_infos?|state|config|package|metadata|requirements|vocab|tokenizer\w*)"
)
_SHARD = re.compile(r"[-_.]\d{5}[-_]of[-_]\d{5}(?:-[0-9a-f]+)?$")
_NUMBER = re.compile(r"[-_.]?\d{3,}$|^\d+$")
_DATA_FOLDER = "data"

_Split = tuple[str, Iterable[RepoFile]]


@dataclass(frozen=True)
class ConfigFiles:
    """The files of a config's splits for training, in the order in which their rows count.

    Attributes:
        commit: of the repository that holds the files; None: the pinned revision itself.
        held_back: splits that are for evaluation, by their names.
        of_other_formats: files of these splits that are of other formats.
        options: of the reader, as the card has them.
        features: in the form of a card's YAML; None where the card has none.
    """

    name: str
    format: Format
    splits: Mapping[str, tuple[RepoFile, ...]]
    commit: str | None = None
    held_back: tuple[str, ...] = ()
    of_other_formats: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    features: Sequence[Any] | None = None


@dataclass(frozen=True)
class _Found:
    """A config before its files are looked for."""

    name: str
    splits: Iterable[_Split]
    options: Mapping[str, Any] = field(default_factory=dict)


def plan_configs(
    card: Card, files: Sequence[RepoFile], limit: int, use: SplitUse = SplitUse.TRAIN
) -> tuple[list[ConfigFiles], list[Reject]]:
    """Choose at most `limit` configs and their files for training use.

    Returns:
        The configs, and a reject for each one that is over the limit, has no split for training or
        declares files that are not there; a reject's subject is the config's name. Both are empty
        where the repository holds no data file, as that of a loading script does.
    """
    data = [file for file in files if format_of(file.path) is not None]
    declared = _declared(card.configs)
    found = _of_the_card(declared, data) if declared else _of_the_layout(data)
    kept: list[ConfigFiles] = []
    rejects: list[Reject] = []
    for number, config in enumerate(found):
        if len(kept) == limit or number >= MAX_DECLARED:
            over = f"over the {limit} configs taken from one dataset"
            rejects.append(_reject(config.name, Reason.OVER_CONFIG_CAP, over))
            continue
        planned = _plan(config, card, use)
        if isinstance(planned, Reject):
            rejects.append(planned)
        else:
            kept.append(planned)
    return kept, rejects


def _plan(config: _Found, card: Card, use: SplitUse) -> ConfigFiles | Reject:
    try:
        splits = _gathered(config)
    except ValueError as error:
        return _reject(config.name, Reason.CONFIG_MISSING, str(error))
    names, held_back = parted(splits, use)
    if not any(splits.values()) or (names and not any(splits[name] for name in names)):
        missing = "no readable file of the repository matches its data_files"
        return _reject(config.name, Reason.CONFIG_MISSING, missing)
    if not names:
        return without_training_split(config.name, held_back)
    chosen = _commonest(file for name in names for file in splits[name])
    of_format = {
        name: tuple(file for file in splits[name] if format_of(file.path) == chosen)
        for name in names
    }
    paths = {file.path for name in names for file in splits[name]}
    here = can_read_here(chosen, config.options)
    return ConfigFiles(
        config.name,
        chosen if here else streamed(chosen, paths),
        {name: of_split for name, of_split in of_format.items() if of_split},
        held_back=tuple(held_back),
        of_other_formats=len(paths)
        - len({file.path for found in of_format.values() for file in found}),
        options=config.options,
        features=declared_features(card.configs, card.infos, config.name),
    )


def without_training_split(name: str, held_back: Sequence[str]) -> Reject:
    """Return the reject of a config all of whose splits are for evaluation."""
    return _reject(name, Reason.NO_TRAINING_SPLIT, listed_splits(held_back))


def listed_splits(names: Sequence[str], most: int = 10) -> str:
    """Name splits for a reader, a long list cut short."""
    more = f" and {len(names) - most} more" * (len(names) > most)
    return shorten(", ".join(names[:most]) + more, MAX_NAME)


def _reject(name: str, reason: Reason, detail: str) -> Reject:
    subject = shorten(clean_text(name), MAX_NAME)
    return Reject(Stage.CONFIGS, subject, reason, shorten(clean_text(detail), MAX_NAME))


def _gathered(config: _Found) -> dict[str, list[RepoFile]]:
    """Return the files of each split, each file once.

    Raises:
        ValueError: a name cannot be kept, or the patterns cost too much.
    """
    _require_name(config.name)
    splits: dict[str, dict[str, RepoFile]] = {}
    for split, files in config.splits:
        _require_name(split)
        splits.setdefault(split, {}).update((file.path, file) for file in files)
        if len(splits) > MAX_SPLITS:
            raise ValueError(f"over {MAX_SPLITS} splits")
    return {split: list(files.values()) for split, files in splits.items()}


def _require_name(name: str) -> None:
    if len(name) > MAX_NAME or clean_text(name) != name:
        raise ValueError(f"a name of {len(name)} characters; allowed: {MAX_NAME}, all of them text")


def _commonest(files: Iterable[RepoFile]) -> Format:
    counted = Counter(kind for file in files if (kind := format_of(file.path)) is not None)
    return max(counted, key=lambda kind: (counted[kind], -PREFERENCE.index(kind)))


def _declared(configs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the card's configs in the order of choice."""
    named = {str(config["config_name"]): config for config in configs}
    return [named[name] for name in sorted(named, key=lambda name: rank_config(name, named[name]))]


def rank_config(name: str, config: Mapping[str, Any]) -> tuple[bool, bool, str]:
    """Return a config's place in the order of choice, by its name and what the card says of it."""
    return config.get("default") is not True, name != "default", name


def _of_the_card(
    configs: Iterable[Mapping[str, Any]], data: Sequence[RepoFile]
) -> Iterator[_Found]:
    """Yield the configs by name; their splits are looked for when they are read."""
    files = DataFiles(data)
    for config in configs:
        folder = str(config.get("data_dir") or "")
        splits = _declared_splits(config.get("data_files"), folder, files)
        yield _Found(str(config["config_name"]), splits, options_of(config))


def _declared_splits(data_files: Any, folder: str, files: DataFiles) -> Iterator[_Split]:
    if not data_files:
        yield from _by_default(files.below(folder), folder).items()
    elif isinstance(data_files, Mapping):
        for split, patterns in data_files.items():
            yield str(split), _matching(patterns, folder, files)
    elif isinstance(data_files, list) and any(isinstance(item, Mapping) for item in data_files):
        for item in data_files:
            if isinstance(item, Mapping) and item.get("split"):
                yield str(item["split"]), _matching(item.get("path"), folder, files)
    else:
        yield "train", _matching(data_files, folder, files)


def _matching(patterns: Any, folder: str, files: DataFiles) -> Iterator[RepoFile]:
    """Yield the files that a text or a list of texts names, in the order of the patterns."""
    for pattern in patterns if isinstance(patterns, list) else [patterns]:
        if isinstance(pattern, str):
            yield from files.matching(pattern, folder)


def _by_default(files: Sequence[RepoFile], folder: str = "") -> dict[str, list[RepoFile]]:
    """Sort files into splits as `datasets` does; one that is of two splits tests, if either does.

    `datasets` has a file such as `train_test.csv` in both.
    """
    start = prefix_of(folder)
    splits = default_splits([replace(file, path=file.path[len(start) :]) for file in files])
    held = {file.path for name in splits if is_held_back(name) for file in splits[name]}
    left = {
        name: [file for file in found if is_held_back(name) or file.path not in held]
        for name, found in splits.items()
    }
    return {
        name: [replace(file, path=start + file.path) for file in found]
        for name, found in left.items()
        if found
    }


def _of_the_layout(data: Sequence[RepoFile]) -> Iterator[_Found]:
    data = sorted(filter(_is_data, data), key=lambda file: file.path)
    data = [file for file in data if format_of(file.path) in READ_HERE] or data
    folders: dict[str, list[RepoFile]] = {}
    for file in data:
        folders.setdefault(_config_folder(file), []).append(file)
    loose = folders.pop("", [])
    if loose:
        splits = [*_by_default(loose).items(), *_by_folder(folders.pop("default", []))]
        yield _Found("default", splits)
    for name in sorted(folders, key=lambda name: rank_config(name, {})):
        yield _Found(name, _by_folder(folders[name]))


def _is_data(file: RepoFile) -> bool:
    parts = file.path.split("/")
    hidden = any(part.startswith((".", "__")) for part in parts)
    return not hidden and not _NO_DATA.fullmatch(without_suffix(parts[-1].lower()))


def _config_folder(file: RepoFile) -> str:
    folders = file.path.split("/")[:-1]
    if folders and folders[0].lower() == _DATA_FOLDER:
        folders = folders[1:]
    return "" if not folders or names_a_split(folders[0].lower()) else folders[0]


def _by_folder(data: Sequence[RepoFile]) -> Iterator[_Split]:
    """Name a split after the folder inside the config's, else after the file."""
    inside = [(_inside(file), file) for file in data]
    splits = default_splits([RepoFile(path, 0) for path in dict(inside)])
    counted = {file.path for files in splits.values() for file in files}
    for path, file in inside:
        if path in counted:
            folder, _, rest = path.partition("/")
            yield (folder if rest else _stem(folder)), [file]


def _inside(file: RepoFile) -> str:
    """Return a file's path inside the folder of its config."""
    return file.path.removeprefix(f"{_DATA_FOLDER}/").partition("/")[2]


def _stem(name: str) -> str:
    """Return a file's name without its suffix and the number of its shard."""
    bare = _SHARD.sub("", without_suffix(name))
    return _NUMBER.sub("", bare) or "train"
