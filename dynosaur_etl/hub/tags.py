"""What the Hub's list says of a card: its tags `license:` come from the card's YAML.

Where they settle the verdict, the card itself need not be asked for.
"""

import json
from collections.abc import Callable, Sequence

from dynosaur_etl.domain.models import KEEP, Card, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.hub.cards import parse_card

_TAG = "license:"
_SETTLED = frozenset({Reason.LICENCE_MISSING, Reason.LICENCE_NOT_ALLOWED})
_NAMED_ON_THE_CARD = "other"


def examine_tags(tags: Sequence[str], judge: Callable[[Card], Verdict]) -> Verdict:
    """Drop what its card would surely be dropped for, with the card's reason and detail.

    A licence that is unknown or not allowed settles it. Where the list has none, the card may be
    missing, broken, or older than the key. The licence `other` has its name on the card alone. Nor
    do languages settle it: the card's text may restrict the licence, and then that is the reason.

    Args:
        tags: of the listing, at the revision that is examined.
        judge: the filter on cards.
    """
    licences = [tag.removeprefix(_TAG) for tag in tags if tag.startswith(_TAG)]
    if not licences or _NAMED_ON_THE_CARD in licences:
        return KEEP
    verdict = judge(parse_card(f"---\n{json.dumps({'license': licences})}\n---\n".encode()))
    return verdict if verdict.reason in _SETTLED else KEEP
