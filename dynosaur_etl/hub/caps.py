"""Caps on how much of a day one owner, or one family of datasets, may take.

Three owners made 63% of Dynosaur's original collection.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from dynosaur_etl.domain.models import Listing

Cap = Literal["owner", "family"]

_FIRST_WORD = re.compile(r"[^\W\d_]+")


def family_of(dataset_id: str) -> str:
    """Give the first word of a dataset's name, whoever owns it: `alpaca` of `a/Alpaca-GPT4`.

    A word ends at a sign or at a digit; a name that begins with neither is its own family.
    """
    name = dataset_id.rpartition("/")[2].lower()
    first = _FIRST_WORD.match(name)
    return first.group() if first else name


def over_caps(listings: Iterable[Listing], per_owner: int, per_family: int) -> Mapping[str, Cap]:
    """Tell which datasets have to wait for another day, and for which cap.

    The most downloaded go first, then the most liked, then by id.

    Args:
        listings: of the datasets that ask for a place.
        per_owner: most places of one owner.
        per_family: most places of one family.
    """
    taken: Counter[tuple[Cap, str]] = Counter()
    over: dict[str, Cap] = {}
    for listing in sorted(listings, key=lambda item: (-item.downloads, -item.likes, item.id)):
        owner: tuple[Cap, str] = ("owner", listing.owner)
        family: tuple[Cap, str] = ("family", family_of(listing.id))
        if taken[owner] >= per_owner:
            over[listing.id] = "owner"
        elif taken[family] >= per_family:
            over[listing.id] = "family"
        else:
            taken.update((owner, family))
    return over
