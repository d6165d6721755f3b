"""Tags of the pool's instances, for the methods that go by them."""

from collections.abc import Sequence

import pyarrow as pa

from dynosaur_etl.domain.choices import ScorerName, SelectionMethod
from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.flows.runtime.scorers import make_scorer, score_kind
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.select.pool import Pool
from dynosaur_etl.store.facts.stored_files import paths_of_days


def tag_files(
    services: Services, method: SelectionMethod, days: Sequence[str]
) -> tuple[str, ...] | None:
    """Return the paths of the tags of those days, in their order.

    None where the method goes by no tags, or the scorer `tags` does not run.
    """
    if method != SelectionMethod.MIG or ScorerName.TAGS not in services.settings.scorers:
        return None
    kind = score_kind(make_scorer(ScorerName.TAGS, services, ""))
    return paths_of_days(services.engine, kind, days)


def pool_tags(
    services: Services, files: Sequence[str] | None, pool: Pool
) -> list[list[str]] | None:
    """Return the tags of each instance of the pool out of those files; None without files.

    Raises:
        InvalidInput: the files are not those of the pool's instances.
    """
    if files is None:
        return None
    columns = ["instance_key", "tags"]
    tables = [services.storage.read_table(path, columns) for path in files]
    rows = sum(table.num_rows for table in tables)
    if rows <= pool.numbers.max():
        raise _other_rows(rows)
    found = pa.concat_tables(tables).take(pa.array(pool.numbers))
    if not found["instance_key"].equals(pool.instances["instance_key"]):
        raise _other_rows(rows)
    return [tags or [] for tags in found["tags"].to_pylist()]


def _other_rows(rows: int) -> InvalidInput:
    return InvalidInput(
        f"pool: tags: received {rows} rows that are not those of the instances; allowed: tags of "
        "every instance; run `dynosaur grow` for the days that were grown under other settings"
    )
