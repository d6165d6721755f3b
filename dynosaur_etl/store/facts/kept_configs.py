"""The configs that examination kept of a growth day, with what their cards say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, and_, select

from dynosaur_etl.domain.models import Config
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import ConfigRow, RevisionRow


@dataclass(frozen=True)
class KeptConfig:
    """A kept config, its card's words, and where its sampled rows are.

    Attributes:
        languages: that the card names.
        form: the stored form of an instruction set; None where it is none.
    """

    config: Config
    summary: str
    licences: tuple[str, ...]
    languages: tuple[str, ...]
    sample_path: str
    form: Mapping[str, Any] | None


def kept_configs_of(engine: Engine, day: str) -> list[KeptConfig]:
    """Read the day's kept configs, by dataset and name."""
    of_card = and_(RevisionRow.day == ConfigRow.day, RevisionRow.dataset_id == ConfigRow.dataset_id)
    query = (
        select(ConfigRow, RevisionRow)
        .join(RevisionRow, of_card)
        .where(ConfigRow.day == day)
        .order_by(ConfigRow.dataset_id, ConfigRow.name)
    )
    with reading(engine) as session:
        return [
            KeptConfig(
                config=Config(row.dataset_id, row.revision, row.name, row.features, row.splits),
                summary=card.summary,
                licences=tuple(card.licences),
                languages=tuple(card.languages),
                sample_path=row.sample_path,
                form=row.form,
            )
            for row, card in session.execute(query)
        ]
