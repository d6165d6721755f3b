"""Who waits for another day: the least downloaded beyond an owner's or a family's places."""

from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.models import Listing
from dynosaur_etl.hub.caps import family_of, over_caps

NOW = datetime(2026, 9, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("dataset_id", "family"),
    [
        ("a/Alpaca-GPT4", "alpaca"),
        ("b/alpaca_cleaned", "alpaca"),
        ("alpaca", "alpaca"),
        ("c/squad2", "squad"),
        ("d/2023-notes", "2023-notes"),
        ("e/_x", "_x"),
        ("f/données.v2", "données"),
    ],
)
def test_a_family_is_the_first_word_of_the_name(dataset_id: str, family: str) -> None:
    assert family_of(dataset_id) == family


def listing(name: str, downloads: int = 0, likes: int = 0) -> Listing:
    return Listing(name, NOW, NOW, "a" * 40, downloads=downloads, likes=likes)


def test_the_most_downloaded_then_the_most_liked_go_first() -> None:
    asking = [listing("o/d"), listing("o/c"), listing("o/b", likes=1), listing("o/a", 1)]
    assert over_caps(asking, per_owner=3, per_family=9) == {"o/d": "owner"}
    assert over_caps(asking[::-1], per_owner=3, per_family=9) == {"o/d": "owner"}


listings = st.lists(
    st.builds(
        listing,
        st.builds("{}/{}-{}".format, st.sampled_from("ab"), st.sampled_from("xy"), st.integers(0)),
        st.integers(0, 3),
        st.integers(0, 3),
    ),
    unique_by=lambda item: item.id,
)


@given(listings, st.integers(1, 4), st.integers(1, 4))
def test_no_owner_and_no_family_takes_more_and_no_place_stays_free(
    asking: list[Listing], per_owner: int, per_family: int
) -> None:
    over = over_caps(asking, per_owner, per_family)
    taken = [item for item in asking if item.id not in over]
    owners = Counter(item.owner for item in taken)
    families = Counter(family_of(item.id) for item in taken)
    assert max(owners.values(), default=0) <= per_owner
    assert max(families.values(), default=0) <= per_family
    for item in asking:
        if item.id in over:
            full = owners[item.owner] == per_owner, families[family_of(item.id)] == per_family
            assert full[0] if over[item.id] == "owner" else full[1]
