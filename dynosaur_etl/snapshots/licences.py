"""What the licences of the sources ask of whoever uses the set, by the Hub's identifiers."""

from collections.abc import Iterable
from dataclasses import dataclass

from dynosaur_etl.domain.licences import Condition, conditions_of, split_licences


@dataclass(frozen=True)
class Obligation:
    """A condition that a licence puts on use, and what it means for whoever uses the set."""

    title: str
    words: str
    condition: Condition


OBLIGATIONS = (
    Obligation(
        "Non-commercial sources",
        "Leave these rows out of anything commercial.",
        Condition.NON_COMMERCIAL,
    ),
    Obligation(
        "Share-alike and copyleft sources",
        "What is made from these rows may have to be shared under the same licence.",
        Condition.SHARE_ALIKE,
    ),
    Obligation(
        "Sources without derivatives",
        "Their licence does not let changed versions be passed on.",
        Condition.NO_DERIVATIVES,
    ),
)

# The identifiers that the Hub accepts in a card's `license`.
_HUB_LICENCES = frozenset(
    {
        "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd", "bsd-2-clause",
        "bsd-3-clause", "bsd-3-clause-clear", "bsl-1.0", "c-uda", "cc", "cc0-1.0",
        "cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0",
        "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0",
        "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0",
        "cc-by-sa-3.0", "cc-by-sa-4.0", "cdla-permissive-1.0", "cdla-permissive-2.0",
        "cdla-sharing-1.0", "ecl-2.0", "epl-1.0", "epl-2.0", "etalab-2.0", "eupl-1.1",
        "eupl-1.2", "gfdl", "gpl", "gpl-2.0", "gpl-3.0", "isc", "lgpl", "lgpl-2.1",
        "lgpl-3.0", "mit", "mpl-2.0", "ms-pl", "ncsa", "odbl", "odc-by", "ofl-1.1",
        "osl-3.0", "pddl", "postgresql", "unlicense", "wtfpl", "zlib",
    }
)  # fmt: skip


def card_licence(joined: Iterable[str]) -> dict[str, str]:
    """Give the licence entries of the card: the one that all sources have, else `other`."""
    licences = {licence for text in joined for licence in split_licences(text)}
    if len(licences) == 1 and licences <= _HUB_LICENCES:
        return {"license": licences.pop()}
    return {
        "license": "other",
        "license_name": "mixed-by-source",
        "license_details": "Every row names the licence of its source; sources.csv lists them.",
    }


def carries(joined: str, obligation: Obligation) -> bool:
    """Tell whether one of a source's licences carries the obligation."""
    licences = split_licences(joined)
    return any(obligation.condition in conditions_of(licence) for licence in licences)
