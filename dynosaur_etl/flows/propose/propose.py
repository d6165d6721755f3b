"""Asking the LLM for tasks: one request a kept config and mode, every one through the ledger."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dynosaur_etl.domain.batch import Batch
from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.ledger import AttemptOutcome
from dynosaur_etl.domain.models import Config, Counts, Mode, StepReport
from dynosaur_etl.flows.runtime.asking import ask_live, submit_missing
from dynosaur_etl.flows.runtime.batches import batches_of, wait_for
from dynosaur_etl.flows.runtime.parts import cut_parts
from dynosaur_etl.flows.runtime.services import Progress, Services, silent
from dynosaur_etl.flows.runtime.step import require_step
from dynosaur_etl.llm.batch_client import Submission
from dynosaur_etl.llm.batch_lines import MAX_LINES
from dynosaur_etl.llm.outcomes import Deferral
from dynosaur_etl.proposals.prompt import build_request, shown_columns
from dynosaur_etl.settings import LlmMode
from dynosaur_etl.store.answers import stored_answers
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
    mode: LlmMode


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
            effort=services.settings.llm_effort,
        )
        if request is not None:
            yield Question(about, mode, request)


def plan_proposals(day: GrowthDay, services: Services, mode: LlmMode) -> list[ProposalBatch]:
    """Cut the day's requests into parts, each of which one Airflow task sends in that mode."""
    parts = cut_parts(questions(day, services), _part_size(mode, services))
    return [
        ProposalBatch(
            number, f"{_name(part[0])} .. {_name(part[-1])} ({len(part)})", len(part), mode
        )
        for number, part in enumerate(parts)
    ]


def propose(
    day: GrowthDay, services: Services, batch: int, progress: Progress = silent
) -> StepReport:
    """Send the requests of one part that have no answer in the ledger, one by one.

    Raises:
        InvalidInput: there is no such part.
        LlmUnavailable: the server gives no answer at all.
        LlmRefused: the server refuses the credentials, or the quota is used up.
    """
    return _ask(day, services, _part(day, services, batch, LlmMode.LIVE), progress)


def submit_proposals(day: GrowthDay, services: Services, batch: int) -> Submission:
    """Submit the requests of one part that have no answer, as batches of the Batch API.

    Raises:
        InvalidInput: there is no such part.
        LlmUnavailable: the server takes no batch now; a retry goes on with what is left.
        LlmRefused: the server refuses the credentials, or the quota is used up.
    """
    return _submit(day, services, _part(day, services, batch, LlmMode.BATCH))


def read_submission(kept: Mapping[str, Any]) -> Submission:
    """Read a submission that was kept as JSON."""
    return Submission(**{**kept, "batches": tuple(kept["batches"]), "notes": tuple(kept["notes"])})


def report_proposals(
    day: GrowthDay, services: Services, batch: int, submission: Submission
) -> StepReport:
    """Tell what has become of the requests of one part, once its batches are collected."""
    return _report(day, services, _part(day, services, batch, LlmMode.BATCH), submission)


def propose_all(day: GrowthDay, services: Services, progress: Progress = silent) -> StepReport:
    """Send all of the day's requests that have no answer in the ledger, and wait for answers.

    A run that is killed while it waits for a batch loses nothing: the next one waits for the same.
    """
    asked = questions(day, services)
    if services.settings.llm_mode == LlmMode.LIVE:
        return _ask(day, services, asked, progress)
    submission = _submit(day, services, asked)
    wait_for(submission.batches, services, progress)
    return _report(day, services, asked, submission)


def _ask(
    day: GrowthDay, services: Services, asked: Sequence[Question], progress: Progress
) -> StepReport:
    requests = [question.request for question in asked]
    outcomes = ask_live(requests, str(day), services, progress)
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


def _submit(day: GrowthDay, services: Services, asked: Sequence[Question]) -> Submission:
    return submit_missing([question.request for question in asked], str(day), services)


def _report(
    day: GrowthDay, services: Services, asked: Sequence[Question], submission: Submission
) -> StepReport:
    stored = stored_answers(services.engine, [question.request.key for question in asked])
    kept, rejected = len(stored.answered), len(stored.refused)
    deferred = len({question.request.key for question in asked}) - kept - rejected
    reasons = {
        Deferral.BUDGET: submission.over_budget,
        Deferral.HELD: submission.held,
        Deferral.UNAVAILABLE: deferred - submission.over_budget - submission.held,
    }
    batches = batches_of(submission.batches, services)
    return StepReport(
        "propose",
        str(day),
        Counts(kept + rejected + deferred, kept, rejected, deferred),
        reasons={str(reason): number for reason, number in reasons.items() if number > 0},
        facts={
            "sent": submission.tried
            + sum(batch.outcomes.get(AttemptOutcome.ANSWERED, 0) for batch in batches),
            "batches": len(batches),
            "notes": [*submission.notes, *_notes(batches)],
        },
    )


def _notes(batches: Sequence[Batch]) -> Iterator[str]:
    for batch in batches:
        without = batch.requests - batch.outcomes.get(AttemptOutcome.ANSWERED, 0)
        if without:
            words = batch.error or "see the ledger"
            yield f"batch {batch.name}: {without} of {batch.requests} have no answer: {words}"


def _part(day: GrowthDay, services: Services, number: int, mode: LlmMode) -> Sequence[Question]:
    parts = cut_parts(questions(day, services), _part_size(mode, services))
    if not 0 <= number < len(parts):
        raise InvalidInput(not_allowed("batch", number, f"0 to {len(parts) - 1}"))
    return parts[number]


def _part_size(mode: LlmMode, services: Services) -> int:
    """A task that only waits holds no slot, so a part may be as large as a file may be."""
    return services.settings.llm_batch_calls if mode == LlmMode.LIVE else MAX_LINES


def _name(question: Question) -> str:
    config = question.about.config
    return f"{config.dataset_id}/{config.name}"
