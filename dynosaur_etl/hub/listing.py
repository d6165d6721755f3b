"""The Hub's list of datasets: what is asked for, and how an answer is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
from huggingface_hub.hf_api import DatasetInfo

from dynosaur_etl.domain.models import Listing, Told
from dynosaur_etl.domain.text import clean_text, shorten
from dynosaur_etl.domain.unforeseen import unforeseen_words
from dynosaur_etl.hub.candidates import HUB_FLOOR
from dynosaur_etl.hub.cards import read_card_data, read_tags

PAGE_SIZE = 1_000
MAX_CURSOR = 10_000
MAX_ID = 200

_LISTED = (
    "createdAt", "lastModified", "sha", "tags", "gated", "private", "disabled", "downloads",
    "likes", "cardData",
)  # fmt: skip
_EXPANDED = [("expand", name) for name in _LISTED]
FIRST_PAGE = "?" + urlencode([("sort", "lastModified"), ("limit", PAGE_SIZE), *_EXPANDED])
ONE_ENTRY = "?" + urlencode(_EXPANDED)


@dataclass(frozen=True)
class ListingPage:
    """A page of the list, last modified first.

    Attributes:
        cursor: stands for the next page, for as long as the Hub knows it; None: this is the last.
        unreadable: entries that raise what nobody foresaw, by their ids, with the error's words.
    """

    listings: tuple[Listing, ...]
    cursor: str | None
    unreadable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Entries:
    """The entries of a page, each with what it tells of the card, and those that cannot be read."""

    read: list[tuple[DatasetInfo, Told | None]]
    unreadable: dict[str, str]


def read_entries(answer: httpx2.Response) -> Entries:
    """Read a page's entries; one that cannot be read is no reason to lose the others.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: the answer is no list of datasets.
    """
    found = Entries([], {})
    for number, entry in enumerate(answer.json()):
        try:
            found.read.append(_entry(dict(entry)))
        except Exception as error:  # noqa: BLE001 - whatever one entry raises, ends with it
            given = entry.get("id") if isinstance(entry, dict) else None
            name = given if isinstance(given, str) else f"entry {number} of a page"
            found.unreadable[shorten(clean_text(name), MAX_ID)] = unforeseen_words(error)
    if found.unreadable and not found.read:
        raise ValueError(next(iter(found.unreadable.values())))
    return found


def read_entry(answer: httpx2.Response) -> tuple[DatasetInfo, Told | None]:
    """Read what the Hub tells of one dataset, in the form of the list.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: the answer is none.
    """
    return _entry(dict(answer.json()))


def _entry(entry: dict[str, Any]) -> tuple[DatasetInfo, Told | None]:
    told = read_card_data(entry.pop("cardData", None))
    info = DatasetInfo(**entry)  # type: ignore[no-untyped-call]
    return info, told or read_tags(tuple(map(str, info.tags or ())))


def next_page(answer: httpx2.Response) -> str | None:
    """Give the path and query of the page that follows.

    The host of the `Link` header is left out: whichever it names, the token stays with the Hub
    that the settings name.

    Raises:
        ValueError: the link is longer than one that is kept.
    """
    url = answer.links.get("next", {}).get("url")
    if url is None:
        return None
    parts = urlsplit(url)
    cursor = f"/{parts.path.lstrip('/')}?{parts.query}"
    if len(cursor) > MAX_CURSOR:
        raise ValueError(f"the next page's link has {len(cursor)} characters")
    return cursor


def listing_of(entry: DatasetInfo, told: Told | None, full_id: str) -> Listing:
    """Word an entry of the list; a moment that is missing is the earliest that the Hub tells."""
    created_at = entry.created_at or HUB_FLOOR
    return Listing(
        id=full_id,
        created_at=created_at,
        last_modified=entry.last_modified or created_at,
        sha=entry.sha,
        tags=tuple(map(str, entry.tags or ())),
        gated=bool(entry.gated),
        private=bool(entry.private),
        disabled=bool(entry.disabled),
        downloads=int(entry.downloads or 0),
        likes=int(entry.likes or 0),
        told=told,
    )
