"""What a card says of how its files are read: options of a reader, and features.

The YAML of a card comes as texts; here they become what the packaged builders of `datasets` take.
Options that only say how a file is laid out are read here; a config with any other one is left to
`datasets` itself, in its process with a time limit.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from dynosaur_etl.hub.formats import Format

NOT_OPTIONS = frozenset(
    {"config_name", "data_files", "data_dir", "default", "features", "description", "version"}
)
READ_HERE: Mapping[Format, frozenset[str]] = {
    "csv": frozenset(
        {"sep", "header", "names", "skiprows", "quotechar", "escapechar", "doublequote",
         "skipinitialspace", "quoting", "encoding", "encoding_errors"}
    ),
    "json": frozenset({"field", "encoding", "encoding_errors"}),
}  # fmt: skip

_OTHER_NAMES = {"delimiter": "sep", "column_names": "names"}
_NUMBERS = frozenset(
    {"header", "skiprows", "quoting", "nrows", "skipfooter", "index_col", "usecols"}
)
_WITHOUT_EFFECT = frozenset(
    {"chunksize", "block_size", "use_threads", "memory_map", "verbose", "low_memory", "engine"}
)  # of a reader in pieces of its own
_NUMBER = re.compile(r"-?\d{1,9}")
_ONE_CHARACTER = frozenset({"sep", "quotechar", "escapechar"})
_QUOTINGS = range(4)


def options_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a card's config by the builders' names, texts of numbers as numbers."""
    found = {
        _OTHER_NAMES.get(name, name): _typed(name, value)
        for name, value in config.items()
        if name not in NOT_OPTIONS
    }
    if isinstance(found.get("sep"), str):
        found["sep"] = found["sep"].replace("\\t", "\t")
    return found


def can_read_here(kind: Format, options: Mapping[str, Any]) -> bool:
    """Return whether files of a format are read here with these options."""
    known = known_options(kind, options)
    given = {name: value for name, value in known.items() if name not in _WITHOUT_EFFECT}
    here = READ_HERE.get(kind, frozenset())
    return all(name in here and _is_plain(name, value) for name, value in given.items())


def known_options(builder: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the options that a packaged builder has; it looks at no other."""
    from datasets import BuilderConfig
    from datasets.packaged_modules.csv.csv import CsvConfig
    from datasets.packaged_modules.json.json import JsonConfig

    kind = {"csv": CsvConfig, "json": JsonConfig}.get(builder, BuilderConfig)
    own = {option.name for option in fields(kind)} - {
        option.name for option in fields(BuilderConfig)
    }
    return {name: value for name, value in options.items() if name in own}


def declared_features(
    configs: Sequence[Mapping[str, Any]], infos: Sequence[Mapping[str, Any]], name: str
) -> list[Any] | None:
    """Return the features that a card declares for a config, in their form in YAML.

    Those of the entry under `configs` come before those of `dataset_info`, as in `datasets`; the
    one `dataset_info` of a card without `configs` is that of its one config, whatever its name.
    """
    own = [config.get("features") for config in configs if config.get("config_name") == name]
    named = [info for info in infos if info.get("config_name", "default") == name]
    if not named and not configs and len(infos) == 1:
        named = list(infos)
    found = [*own, *(info.get("features") for info in named)]
    return next((features for features in found if isinstance(features, list) and features), None)


def _typed(name: str, value: Any) -> Any:
    if name not in _NUMBERS:
        return value
    if isinstance(value, list):
        return [_typed(name, item) for item in value]
    return int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value


def _is_plain(name: str, value: Any) -> bool:
    """Return whether the reader here understands an option's value."""
    if name in _ONE_CHARACTER:
        is_none = value is None and name == "escapechar"
        return is_none or (isinstance(value, str) and len(value) == 1)
    if name == "header":
        return value in (None, "infer") or _is_count(value)
    if name == "skiprows":
        return value is None or _is_count(value)
    if name == "quoting":
        return _is_count(value) and value in _QUOTINGS
    if name == "names":
        return value is None or _are_names(value)
    if name in {"doublequote", "skipinitialspace"}:
        return isinstance(value, bool)
    return value is None or isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_names(value: Any) -> bool:
    texts = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return texts and len(set(value)) == len(value) > 0
