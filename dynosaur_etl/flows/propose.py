"""Asking the LLM for tasks: one request a kept config and mode, every one through the ledger."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Config, Counts, Mode, StepReport
from dynosaur_etl.flows.services import Progress, Services, silent
from dynosaur_etl.flows.step import require_step
from dynosaur_etl.proposals.prompt import build_request, shown_columns
from dynosaur_etl.store.tables import ConfigRow, RevisionRow

EXAMPLE_ROWS = 2


@dataclass(frozen=True)
class ConfigToAsk:
    """A kept config with what its card says, and where its sampled rows are."""

    config: Config
    summary: str
    licence: str
    sample_path: str


@dataclass(frozen=True)
class Question:
    """One request about one config in one mode."""

    about: ConfigToAsk
    mode: Mode
    request: ChatRequest


@dataclass(frozen=True)
class ProposalBatch:
    """A part of a day's requests that one Airflow task sends; `label` names it for a reader."""

    number: int
    label: str
    calls: int


def kept_configs(day: GrowthDay, services: Services) -> list[ConfigToAsk]:
    """Give the day's kept configs, by dataset and name."""
    query = (
        select(ConfigRow, RevisionRow)
        .join(
            RevisionRow,
            (RevisionRow.day == ConfigRow.day) & (RevisionRow.dataset_id == ConfigRow.dataset_id),
        )
        .where(ConfigRow.day == str(day))
        .order_by(ConfigRow.dataset_id, ConfigRow.name)
    )
    with Session(services.engine) as session:
        return [
            ConfigToAsk(
                config=Config(row.dataset_id, row.revision, row.name, row.features, row.splits),
                summary=card.summary,
                licence=", ".join(card.licences),
                sample_path=row.sample_path,
            )
            for row, card in session.execute(query)
        ]


def questions(day: GrowthDay, services: Services) -> list[Question]:
    """Give the day's requests in their one order: by dataset, config and mode.

    Raises:
        InvalidInput: the day's candidates have not been examined.
    """
    require_step(services, str(day), "examine")
    return [
        question
        for about in kept_configs(day, services)
        for question in _questions_about(about, services)
    ]


def _questions_about(about: ConfigToAsk, services: Services) -> Iterator[Question]:
    config = about.config
    preset = services.settings.prompt
    columns = shown_columns(config, preset)
    rows = services.storage.read_table(about.sample_path, columns)
    examples = rows.slice(0, EXAMPLE_ROWS).to_pylist()
    for mode in (Mode.AWARE, Mode.UNAWARE):
        request = build_request(
            summary=about.summary,
            dataset_id=config.dataset_id,
            config=config,
            rows=examples,
            mode=mode,
            model=services.settings.llm_model,
            preset=preset,
        )
        if request is not None:
            yield Question(about, mode, request)


def plan_proposals(day: GrowthDay, services: Services) -> list[ProposalBatch]:
    """Cut the day's requests into batches, each of which one Airflow task sends."""
    parts = _parts(questions(day, services), services.settings.llm_batch_calls)
    return [
        ProposalBatch(number, f"{_name(part[0])} .. {_name(part[-1])} ({len(part)})", len(part))
        for number, part in enumerate(parts)
    ]


def propose(
    day: GrowthDay, services: Services, batch: int, progress: Progress = silent
) -> StepReport:
    """Send the requests of one batch that have no answer in the ledger.

    Raises:
        InvalidInput: there is no such batch.
        LlmUnavailable: the server gives no answer at all.
        LlmRefused: the server refuses the credentials, or the quota is used up.
    """
    parts = _parts(questions(day, services), services.settings.llm_batch_calls)
    if not 0 <= batch < len(parts):
        raise InvalidInput(not_allowed("batch", batch, f"0 to {len(parts) - 1}"))
    return _ask(day, services, parts[batch], progress)


def propose_all(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Send all of the day's requests that have no answer in the ledger."""
    return _ask(day, services, questions(day, services), progress)


def _ask(
    day: GrowthDay, services: Services, asked: Sequence[Question], progress: Progress
) -> StepReport:
    requests = [question.request for question in asked]
    outcomes = asyncio.run(
        services.llm.ask_all(requests, str(day), lambda done: progress(done, len(requests)))
    )
    return StepReport(
        "propose",
        str(day),
        Counts(
            taken=len(requests),
            kept=len(outcomes.answered),
            rejected=len(outcomes.refused),
            deferred=len(outcomes.deferred),
        ),
        reasons=dict(Counter(str(reason) for reason in outcomes.deferred.values())),
        facts={"sent": outcomes.sent, "notes": list(outcomes.notes)},
    )


def _parts(asked: Sequence[Question], size: int) -> list[Sequence[Question]]:
    return [asked[start : start + size] for start in range(0, len(asked), size)]


def _name(question: Question) -> str:
    config = question.about.config
    return f"{config.dataset_id}/{config.name}"
