"""How many restrictions of cards are found, how many cards are dropped wrongly, and what it costs.

Usage: python -m benchmarks.licences [--quick] [--json]

The wordings and labels are those of `labels/licences`; the recorded cards are measured where the
recording lies beside the checkout.
"""

import time
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from benchmarks.harness import ROOT, Figure, main
from dynosaur_etl.domain.errors import HubRefused
from dynosaur_etl.domain.licences import Condition, conditions_of
from dynosaur_etl.domain.models import Card, Statement
from dynosaur_etl.hub.cards import parse_card
from dynosaur_etl.hub.rights.reading import read_rights
from dynosaur_etl.hub.rights.statements import sentences_of
from dynosaur_etl.hub.rights.weights import packaged_model
from labels.licences.train import Wording, read_wordings

SHARED = ROOT.parent / "shared"
_CLOSED = {Condition.NON_COMMERCIAL, Condition.NO_DERIVATIVES}


def measure(quick: bool) -> list[Figure]:
    found = [*wordings("held out", "held_out.tsv"), *wordings("seen", "seen.tsv")]
    if (SHARED / "cases").is_dir():
        found += cases()
    if (SHARED / "hub").is_dir():
        found += [*recorded(quick), *cost()]
    return found


def wordings(title: str, name: str) -> list[Figure]:
    """Recall, and what is found in wordings that restrict nothing."""
    read = [(wording.label == "restricts", caught(wording)) for wording in read_wordings(name)]
    restricting = [found for restricts, found in read if restricts]
    other = [found for restricts, found in read if not restricts]
    return [
        Figure(f"recall, wordings {title}", share(restricting), "share",
               notes={"wordings": len(restricting)}),
        Figure(f"false, wordings {title}", share(other), "share", notes={"wordings": len(other)}),
    ]  # fmt: skip


def cases() -> list[Figure]:
    """Recall on the cases: one restriction in other places and words each."""
    cards = [
        parse_card(path.read_bytes())
        for folder in ("c08_places", "c09_wordings")
        for path in sorted((SHARED / "cases" / folder).glob("*/README.md"))
    ]
    notes = {"cards": len(cards)}
    return [Figure("recall, cases", share(map(restricted, cards)), "share", notes=notes)]


def recorded(quick: bool) -> list[Figure]:
    """The same by the labels of recorded cards, sentence by sentence and card by card."""
    labels = recorded_labels()
    right = wrong = missed = 0
    cards_right = cards_wrong = cards_missed = 0
    for name, card in cards_of(SHARED, newest_only=quick):
        told = {statement: labels.get(key(name, statement), "none") for statement in
                card.statements}  # fmt: skip
        caught_here = {item for item in card.statements if restricted(card, item)}
        right += sum(told[item] == "restricts" for item in caught_here)
        wrong += sum(told[item] == "none" for item in caught_here)
        missed += sum(label == "restricts" for label in told.values()) - sum(
            told[item] == "restricts" for item in caught_here
        )
        is_bound = "restricts" in told.values()
        cards_right += is_bound and bool(caught_here)
        cards_missed += is_bound and not caught_here
        cards_wrong += bool(caught_here) and not {"restricts", "either"} & set(told.values())
    return [
        Figure("recall, sentences of recorded cards", right / (right + missed), "share",
               notes={"sentences": right + missed, "found wrongly": wrong}),
        Figure("recall, recorded cards", cards_right / (cards_right + cards_missed), "share",
               notes={"cards": cards_right + cards_missed}),
        Figure("false, recorded cards", float(cards_wrong), "cards"),
    ]  # fmt: skip


def cost() -> list[Figure]:
    """What a card costs to read, and to weigh where its YAML is in order."""
    paths = sorted((SHARED / "hub").glob("datasets/*/README.md"))
    contents = [path.read_bytes() for path in paths]
    start = time.process_time()
    cards = [parse_card(content) for content in contents]
    parsed = time.process_time()
    for card in cards:
        read_rights(card.statements, packaged_model())
    weighed = time.process_time()
    thousandth = 1000 / len(cards)
    return [
        Figure("read a card", (parsed - start) * thousandth, "ms", notes={"cards": len(cards)}),
        Figure("weigh its sentences", (weighed - parsed) * thousandth, "ms"),
    ]


def caught(wording: Wording) -> bool:
    statements = tuple(Statement(wording.place, text) for text in sentences_of(wording.text))
    rights = read_rights(statements, packaged_model())
    closed = [item for item in rights.licences if conditions_of(item.licence) & _CLOSED]
    return bool(rights.restrictions or closed)


def restricted(card: Card, only: Statement | None = None) -> bool:
    statements = card.statements if only is None else (only,)
    rights = read_rights(statements, packaged_model())
    closed = [item for item in rights.licences if conditions_of(item.licence) & _CLOSED]
    return bool(rights.restrictions or closed)


def cards_of(shared: Path, *, newest_only: bool) -> Iterator[tuple[str, Card]]:
    """Read the recorded cards by dataset, older ones too."""
    patterns = ["hub/datasets/*/README.md", "hub-2026/datasets/*/*/README.md"]
    if not newest_only:
        patterns.append("hub/datasets/*/history/*.md")
    for path in sorted(path for pattern in patterns for path in shared.glob(pattern)):
        name = str(path).partition("/datasets/")[2].partition("/history/")[0]
        try:
            yield name.removesuffix("/README.md"), parse_card(path.read_bytes())
        except HubRefused:
            continue


def recorded_labels() -> Mapping[tuple[str, str], str]:
    """The labels of recorded sentences, by dataset and digest."""
    path = ROOT / "labels" / "licences" / "recorded.tsv"
    _, *lines = path.read_text(encoding="utf-8").splitlines()
    rows = (line.split("\t") for line in lines)
    return {(dataset, digest): restricts for dataset, digest, restricts, _ in rows}


def key(name: str, statement: Statement) -> tuple[str, str]:
    text = f"{statement.place}\n{statement.text}"
    return name, sha256(text.encode()).hexdigest()[:16]


def share(values: Iterable[bool]) -> float:
    found = list(values)
    return sum(found) / len(found)


if __name__ == "__main__":
    main(measure, "restrictions found in cards")
