"""Configs of earlier days that share marks of their contents with others."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, BigInteger, Engine, and_, cast, or_, select

from dynosaur_etl.domain.licences import join_licences
from dynosaur_etl.store.database import reading
from dynosaur_etl.store.tables import ConfigRow, DatasetRow, RevisionRow


@dataclass(frozen=True)
class MarkedConfig:
    """A config that a day kept: when its dataset was made, its licences, and its marks."""

    day: str
    dataset_id: str
    config: str
    created_at: datetime
    licences: str
    row_marks: tuple[int, ...]
    file_marks: tuple[int, ...]


def configs_with_marks(
    engine: Engine, before: str, rows: Collection[int], files: Collection[int]
) -> list[MarkedConfig]:
    """Read the configs kept on days before one that have any of these marks, by day and name."""
    wanted = (
        ConfigRow.row_marks.op("&&")(cast(list(rows), ARRAY(BigInteger))),
        ConfigRow.file_marks.op("&&")(cast(list(files), ARRAY(BigInteger))),
    )
    of_revision = and_(
        RevisionRow.day == ConfigRow.day, RevisionRow.dataset_id == ConfigRow.dataset_id
    )
    query = (
        select(ConfigRow, DatasetRow.created_at, RevisionRow.licences)
        .join(DatasetRow, DatasetRow.id == ConfigRow.dataset_id)
        .join(RevisionRow, of_revision)
        .where(ConfigRow.day < before, or_(*wanted))
        .order_by(ConfigRow.day, ConfigRow.dataset_id, ConfigRow.name)
    )
    with reading(engine) as session:
        return [
            MarkedConfig(
                row.day,
                row.dataset_id,
                row.name,
                created,
                join_licences(licences),
                tuple(row.row_marks or ()),
                tuple(row.file_marks or ()),
            )
            for row, created, licences in session.execute(query)
        ]
