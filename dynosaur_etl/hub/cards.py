"""Reading a dataset card: hostile bytes in, what is used of it out."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.licences import canonical_licence, is_known
from dynosaur_etl.domain.models import Card, Told
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.card_text import clean, parse_text, sections_of, shorten, summary_of
from dynosaur_etl.hub.front_matter import UnreadableYaml, read_yaml, split_card
from dynosaur_etl.hub.rights.statements import statements_of

MAX_CARD_BYTES = 5_000_000
MAX_VALUES = 1_000
MAX_VALUE = 200
_TAG_KEYS = (
    "annotations_creators", "language_creators", "multilinguality", "size_categories",
    "source_datasets", "task_categories", "task_ids",
)  # fmt: skip
_LICENCE_KEYS = ("license", "licenses", "licence")
_LANGUAGE_KEYS = ("language", "languages")
_TOLD_KEYS = (*_LICENCE_KEYS, *_LANGUAGE_KEYS, "license_name")
_TOLD = ("license:", "language:")
_LANGUAGE_NAMES = {"english": "en", "eng": "en"}
_OTHER = "other"


def parse_card(data: bytes) -> Card:
    """Read a card; one without a YAML head has no licences, no languages and its whole text.

    The keys of 2020 (`licenses`, `languages`, identifiers such as `cc-by-4-0`) and values given
    by config (`{config: [...]}`) are read like today's. Bytes that are no UTF-8 are replaced.

    Raises:
        HubRefused: CARD_UNREADABLE; the card is too large or its YAML cannot be read.
    """
    if len(data) > MAX_CARD_BYTES:
        raise _unreadable(f"more than {MAX_CARD_BYTES} bytes")
    head, markdown = split_card(data.decode("utf-8-sig", "replace"))
    try:
        metadata = read_yaml(head) if head is not None else {}
    except UnreadableYaml as error:
        raise _unreadable(str(error)) from None
    parsed = parse_text(markdown)
    return Card(
        licences=_licences(metadata),
        languages=_languages(metadata),
        tags=_tags(metadata),
        pretty_name=shorten(" ".join(_texts(metadata, "pretty_name")), MAX_VALUE),
        summary=summary_of(sections_of(parsed)),
        statements=statements_of(metadata, parsed),
        configs=_configs(metadata.get("configs")),
        sha256=hashlib.sha256(data).hexdigest(),
        licence_name=_licence_name(metadata),
        infos=_infos(metadata.get("dataset_info")),
    )


def card_of(told: Told) -> Card:
    """Give a card of which nothing is known but what the Hub's list tells."""
    return Card(told.licences, told.languages, (), "", "", (), (), "", told.licence_name)


def read_card_data(metadata: object) -> Told | None:
    """Read a card's YAML as the Hub's list gives it, in JSON.

    Returns:
        None where the list has none, as for a card that is missing or broken, and where a value
        is no text: the Hub has then read the YAML in another way than `parse_card` does.
    """
    if not isinstance(metadata, dict) or not _is_text(metadata):
        return None
    return Told(_licences(metadata), _languages(metadata), _licence_name(metadata))


def read_tags(tags: Sequence[str]) -> Told | None:
    """Read the tags of the Hub's list that come from a card's YAML.

    Returns:
        None without a tag for the licence: the card may be missing, broken, or have the keys of
        2020; and with the licence `other`, which has its name on the card alone.
    """
    keyed = {key: [tag.removeprefix(key) for tag in tags if tag.startswith(key)] for key in _TOLD}
    licences, languages = keyed.values()
    if not licences or "other" in licences:
        return None
    return Told(_licences({"license": licences}), _languages({"language": languages}))


def _is_text(metadata: Mapping[str, Any]) -> bool:
    leaves = (leaf for key in _TOLD_KEYS for leaf in _leaves(metadata.get(key)))
    return all(leaf is None or isinstance(leaf, str) for leaf in leaves)


def _unreadable(found: str) -> HubRefused:
    return HubRefused(f"card: {found}", Reason.CARD_UNREADABLE)


def _texts(metadata: Mapping[str, Any], *keys: str) -> Iterator[str]:
    """Yield every text below the keys, however deep it lies in lists and mappings."""
    for key in keys:
        for value in _leaves(metadata.get(key)):
            text = clean(str(value)).removeprefix("- ").strip()
            if text and isinstance(value, str):
                yield text[:MAX_VALUE]


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, list):
        yield value
        return
    for item in value:
        yield from _leaves(item)


def _licences(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the licences in one spelling; `other` gives way to a name that is one with its own."""
    texts = [part for text in _texts(metadata, *_LICENCE_KEYS) for part in _listed(text)]
    name = _licence_name(metadata)
    found = map(canonical_licence, texts)
    return _unique(
        canonical_licence(name) if item == _OTHER and is_known(name) else item for item in found
    )


def _listed(text: str) -> list[str]:
    """Part `MIT, Apache-2.0`; a comma within a licence's own name parts nothing."""
    parts = [part for part in text.split(",") if part.strip()]
    return parts if all(map(is_known, parts)) and not is_known(text) else [text]


def _licence_name(metadata: Mapping[str, Any]) -> str:
    return shorten(" ".join(_texts(metadata, "license_name")), MAX_VALUE)


def _languages(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    texts = _texts(metadata, *_LANGUAGE_KEYS)
    codes = (code.strip("-") for text in texts for code in re.split(r"[\s,;/]+", text.lower()))
    return _unique(_LANGUAGE_NAMES.get(code, code.replace("_", "-")) for code in codes)


def _tags(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    keyed = (f"{key}:{text}" for key in _TAG_KEYS for text in _texts(metadata, key))
    return _unique([*keyed, *_texts(metadata, "tags")])


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, values)))[:MAX_VALUES]


def _configs(value: Any) -> tuple[Mapping[str, Any], ...]:
    """Keep the entries that name a config; before 2022 the key held only names."""
    if not isinstance(value, list):
        return ()
    return tuple(item for item in value if isinstance(item, dict) and item.get("config_name"))


def _infos(value: Any) -> tuple[Mapping[str, Any], ...]:
    """Keep what tells of a config: one entry stands alone, several in a list."""
    entries = value if isinstance(value, list) else [value]
    return tuple(entry for entry in entries if isinstance(entry, dict))
