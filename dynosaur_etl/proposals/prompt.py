"""The request for tasks: one a config and mode, in the wording of a preset.

Dynosaur (section 3.1) asks once a config and mode: with the card's description and without it.
`tight` is our own wording and the default, `paper` keeps the paper's form and truncation rules.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from dynosaur_etl.domain.chat import ChatRequest, Purpose
from dynosaur_etl.domain.features import usable_fields
from dynosaur_etl.domain.models import Config, Mode, PromptPreset
from dynosaur_etl.domain.request_form import Effort
from dynosaur_etl.proposals.paper import VERSION as PAPER_VERSION
from dynosaur_etl.proposals.paper import may_be_shown, word_like_the_paper
from dynosaur_etl.proposals.tight import VERSION as TIGHT_VERSION
from dynosaur_etl.proposals.tight import word_tightly

MAX_TASKS = 3

WORDING_VERSIONS = {PromptPreset.TIGHT: TIGHT_VERSION, PromptPreset.PAPER: PAPER_VERSION}
_WORDINGS = {PromptPreset.TIGHT: word_tightly, PromptPreset.PAPER: word_like_the_paper}


def shown_columns(config: Config, preset: PromptPreset) -> list[str]:
    """Give the columns of which a preset may show values."""
    if preset is PromptPreset.PAPER:
        return [field.name for field in config.fields if may_be_shown(field)]
    return [field.name for field in usable_fields(config.fields)]


def build_request(
    summary: str,
    dataset_id: str,
    config: Config,
    rows: Sequence[Mapping[str, Any]],
    mode: Mode,
    model: str,
    preset: PromptPreset = PromptPreset.TIGHT,
    effort: Effort = Effort.NONE,
) -> ChatRequest | None:
    """Word the request for one config and mode; only the aware mode shows the card's summary.

    Returns:
        None where there is nothing to ask: the aware mode without a summary, as in the paper, or
        fewer than two fields to show.
    """
    aware = mode is Mode.AWARE
    if aware and not summary.strip():
        return None
    wording = _WORDINGS[preset](summary if aware else None, dataset_id, config, rows)
    if wording is None:
        return None
    return ChatRequest(
        purpose=Purpose.PROPOSE,
        subject=f"{config.subject}#{mode}",
        model=model,
        messages=(
            {"role": "system", "content": wording.system},
            {"role": "user", "content": wording.user},
        ),
        schema=wording.schema,
        max_tokens=wording.max_tokens,
        temperature=0,
        prompt_version=wording.version,
        effort=effort,
    )
