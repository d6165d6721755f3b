"""The requests for tasks about a day's kept configs, as they are built to be sent."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Mode, Reject, StepName, Verdict
from dynosaur_etl.domain.reasons import Reason, Stage
from dynosaur_etl.flows.runtime.compartments import contained
from dynosaur_etl.flows.runtime.kept_configs import ConfigToAsk, kept_configs
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.runtime.step import require_step
from dynosaur_etl.instances.organise import RULES
from dynosaur_etl.instances.shown import shown_rows
from dynosaur_etl.proposals.prompt import build_request, shown_columns
from dynosaur_etl.store.steps import CountedReject

EXAMPLE_ROWS = 2


@dataclass(frozen=True)
class Question:
    """One request about one config in one mode."""

    about: ConfigToAsk
    mode: Mode
    request: ChatRequest


@dataclass(frozen=True)
class DayQuestions:
    """What is asked about a day's configs, and the configs about which nothing can be asked."""

    asked: list[Question]
    rejects: list[CountedReject]


def configs_to_ask(day: GrowthDay, services: Services) -> list[ConfigToAsk]:
    """Return the kept configs that an LLM is asked about: those that are no instruction sets."""
    return [about for about in kept_configs(day, services) if about.form is None]


def questions(day: GrowthDay, services: Services) -> list[Question]:
    """Return the day's requests in their one order: by dataset, config and mode.

    Raises:
        InvalidInput: the day's candidates have not been examined.
    """
    return day_questions(day, services).asked


def day_questions(day: GrowthDay, services: Services) -> DayQuestions:
    """Return the day's requests in their order, and the configs that raise what nobody foresaw.

    Raises:
        InvalidInput: the day's candidates have not been examined.
    """
    require_step(services, str(day), StepName.EXAMINE)
    return _build(configs_to_ask(day, services), services)


def questions_about(
    day: GrowthDay, services: Services, configs: Collection[tuple[str, str]]
) -> list[Question]:
    """Build the requests about some of the day's configs, named by dataset and config."""
    wanted = [
        about
        for about in configs_to_ask(day, services)
        if (about.config.dataset_id, about.config.name) in configs
    ]
    return _build(wanted, services).asked


def _build(configs: Iterable[ConfigToAsk], services: Services) -> DayQuestions:
    asked: list[Question] = []
    rejects: list[CountedReject] = []
    for about in configs:
        subject = about.config.subject
        found = contained(subject, partial(_questions_about, about, services))
        if isinstance(found, Verdict):
            reject = Reject(Stage.PROPOSE, subject, Reason.UNFORESEEN_ERROR, found.detail)
            rejects.append(CountedReject(reject))
        else:
            asked += found
    return DayQuestions(asked, rejects)


def _questions_about(about: ConfigToAsk, services: Services) -> list[Question]:
    config = about.config
    preset = services.settings.prompt
    columns = shown_columns(config, preset)
    with services.storage.batches(about.sample_path, columns, rows=EXAMPLE_ROWS) as (_, batches):
        first = next(batches, pa.RecordBatch.from_pylist([]))
    rows = pa.Table.from_batches([first])
    examples = shown_rows(config, rows, RULES[services.settings.instance_rules])
    asked = []
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
            asked.append(Question(about, mode, request))
    return asked
