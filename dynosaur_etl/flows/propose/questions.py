"""The requests for tasks about a day's kept configs, as they are built to be sent."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pyarrow as pa
from sqlalchemy import select

from dynosaur_etl.domain.chat import ChatRequest
from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.models import Config, Mode, StepName
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.runtime.step import require_step
from dynosaur_etl.proposals.prompt import build_request, shown_columns
from dynosaur_etl.store.database import reading
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
    with reading(services.engine) as session:
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
    require_step(services, str(day), StepName.EXAMINE)
    return [
        question
        for about in kept_configs(day, services)
        for question in _questions_about(about, services)
    ]


def questions_about(
    day: GrowthDay, services: Services, configs: Collection[tuple[str, str]]
) -> list[Question]:
    """Build the requests about some of the day's configs, named by dataset and config."""
    return [
        question
        for about in kept_configs(day, services)
        if (about.config.dataset_id, about.config.name) in configs
        for question in _questions_about(about, services)
    ]


def _questions_about(about: ConfigToAsk, services: Services) -> Iterator[Question]:
    config = about.config
    preset = services.settings.prompt
    columns = shown_columns(config, preset)
    with services.storage.batches(about.sample_path, columns, rows=EXAMPLE_ROWS) as (_, batches):
        first = next(batches, pa.RecordBatch.from_pylist([]))
    examples = first.to_pylist()
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
