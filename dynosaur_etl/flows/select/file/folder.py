"""The data files of a folder by their splits, as `datasets` finds them.

Splits are what the folder's card declares; else words in the names of folders, else of files: a
word is one only where it is parted from the rest (`train-0.parquet`, `my_test.csv`, not
`constraint.csv`).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.hub.front_matter import UnreadableYaml, read_yaml, split_card

Splits = dict[str, list[Path]]

ALL = "all"
TRAIN = "train"
_WORDS = {
    TRAIN: ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_BESIDE = r"[-._ 0-9]"
_PATTERNS = {
    split: re.compile(f"(^|{_BESIDE})({'|'.join(words)})({_BESIDE}|$)")
    for split, words in _WORDS.items()
}
_SHARD = re.compile(r"^(\w+(?:\.\w+)*)-\d{5}-of-\d{5}.*\.")
_DATA = "data"


def splits_of(folder: Path, files: Sequence[Path]) -> Splits:
    """Group the data files of a folder by split, in the order of their names.

    Files that name no split are left out where others do, and are the split `train` where none
    does.

    Raises:
        InvalidInput: the card's configs cannot be told apart, or name files that are not there.
    """
    return _declared(folder, set(files)) or _named(folder, files)


def chosen_split(splits: Splits, asked: str | None, where: Path) -> list[str]:
    """Return the names of the splits to read: `train`, or those that are asked for.

    Args:
        splits: files by split.
        asked: one name, several with `+` between them, `all`, or None for `train`.
        where: the folder, for a message.

    Raises:
        InvalidInput: a split is not there, or none is asked for and there is no `train`.
    """
    if asked == ALL:
        return list(splits)
    names = [TRAIN] if asked is None else asked.split("+")
    missing = [name for name in names if name not in splits]
    if not missing:
        return names
    held = f"split of {str(where)!r}"
    allowed = ", ".join(f"--split {name}" for name in [*splits, ALL])
    raise InvalidInput(not_allowed(held, asked or f"no split {TRAIN!r}", allowed))


def _named(folder: Path, files: Sequence[Path]) -> Splits:
    """By the first of the rules that finds a split for any file."""
    inside = [file for file in files if file.relative_to(folder).parts[0] == _DATA]
    for rule, among in ((_by_shard, inside), (_by_folder, files), (_by_name, files)):
        found: Splits = {}
        for file in among:
            split = rule(file.relative_to(folder))
            if split is not None:
                found.setdefault(split, []).append(file)
        if found:
            return _in_order(found)
    return {TRAIN: inside or list(files)}


def _by_shard(file: Path) -> str | None:
    found = _SHARD.match(file.name)
    return found[1] if found and len(file.parts) == 2 else None


def _by_folder(file: Path) -> str | None:
    return _split_in(file.parts[:-1])


def _by_name(file: Path) -> str | None:
    return _split_in(file.parts[-1:])


def _split_in(names: Sequence[str]) -> str | None:
    found = (split for split, word in _PATTERNS.items() if any(map(word.search, names)))
    return next(found, None)


def _in_order(splits: Splits) -> Splits:
    known = [split for split in _WORDS if split in splits]
    return {split: splits[split] for split in [*known, *sorted(splits.keys() - _WORDS.keys())]}


def _declared(folder: Path, files: set[Path]) -> Splits:
    """What the card's default config declares; empty where no card declares anything."""
    card = folder / "README.md"
    if not card.is_file():
        return {}
    head, _ = split_card(card.read_text(encoding="utf-8", errors="replace"))
    try:
        configs = read_yaml(head or "").get("configs")
    except UnreadableYaml:
        return {}
    found = [config for config in _mappings(configs) if config.get("data_files")]
    if not found:
        return {}
    patterns = _patterns(_default(found, folder)["data_files"])
    return {split: _matching(folder, globs, files) for split, globs in patterns.items()}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _default(configs: Sequence[Mapping[str, Any]], folder: Path) -> Mapping[str, Any]:
    marked = [config for config in configs if config.get("default") is True]
    named = [config for config in configs if config.get("config_name") == "default"]
    chosen = marked or named or (configs if len(configs) == 1 else [])
    if len(chosen) != 1:
        names = [str(config.get("config_name")) for config in configs]
        words = "the path of one config's files"
        raise InvalidInput(not_allowed(f"folder {str(folder)!r} with configs", names, words))
    return chosen[0]


def _patterns(data_files: Any) -> dict[str, list[str]]:
    """Globs by split of a card's `data_files`: a text, or a list of texts or mappings."""
    found: dict[str, list[str]] = {}
    for item in data_files if isinstance(data_files, list) else [data_files]:
        entry = item if isinstance(item, dict) else {"path": item}
        paths = entry.get("path")
        globs = paths if isinstance(paths, list) else [paths]
        found.setdefault(str(entry.get("split") or TRAIN), []).extend(map(str, globs))
    return found


def _matching(folder: Path, globs: Sequence[str], files: set[Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for glob in globs:
        if ".." in Path(glob).parts or Path(glob).is_absolute():
            raise InvalidInput(not_allowed("data_files of the card", glob, "paths in its folder"))
        matching = sorted(file for file in folder.glob(glob) if file in files)
        if not matching:
            raise InvalidInput(not_allowed("data_files of the card", glob, "files that are there"))
        found.update(dict.fromkeys(matching))
    return list(found)
