"""Counts of rejects, apart by what was rejected: datasets, their configs, what was made of them."""

from collections.abc import Mapping

from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.store.facts.rejections import count_by_stage

_OF_STAGE: Mapping[str, str] = {
    Stage.CANDIDATES: "entries of the list",
    Stage.EXAMINE: "datasets",
    Stage.CONFIGS: "configs",
    Stage.PROPOSE: "questions",
    Stage.VALIDATE: "proposals",
    Stage.FILL: "rows",
    Stage.SCORE: "scores",
    Stage.EMBED: "vectors",
    Stage.SELECT: "instances",
}
"""What each stage rejects."""
_PARTS: Mapping[str, str] = {
    Reason.SPLIT_HELD_BACK: "splits",
    Reason.VALUE_UNREADABLE: "values",
    Reason.ROW_TOO_LARGE: "sampled rows",
}
"""What is rejected of a config that stays."""


def rejected_kinds(services: Services, day: str | None = None) -> dict[str, dict[str, int]]:
    """Count the rejects of a day, or of all, by what they are and by reason.

    Every kind is there, an empty one without reasons.
    """
    found: dict[str, dict[str, int]] = {
        kind: {} for kind in (*_OF_STAGE.values(), *_PARTS.values())
    }
    for (stage, reason), number in count_by_stage(services.engine, day).items():
        of_kind = found[_PARTS.get(reason, _OF_STAGE[stage])]
        of_kind[reason] = of_kind.get(reason, 0) + number
    return found
