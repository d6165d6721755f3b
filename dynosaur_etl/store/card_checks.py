"""The cards of sources as audits have judged them, by the head that they stood at."""

from collections.abc import Collection

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from dynosaur_etl.domain.models import Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.text import clean_json
from dynosaur_etl.store.database import transaction
from dynosaur_etl.store.tables import CardCheckRow


def load_card_checks(
    engine: Engine, names: Collection[str], rules: str
) -> dict[tuple[str, str], Verdict]:
    """Return the verdicts under these rules by dataset and head."""
    query = select(CardCheckRow).where(
        CardCheckRow.rules == rules, CardCheckRow.dataset_id.in_(names)
    )
    with transaction(engine) as session:
        return {
            (row.dataset_id, row.sha): Verdict(
                Reason(row.reason) if row.reason else None, row.detail
            )
            for row in session.scalars(query)
        }


def save_card_check(engine: Engine, name: str, sha: str, rules: str, verdict: Verdict) -> None:
    """Keep the verdict on a dataset's head in the place of the one on an earlier head."""
    row = {
        "dataset_id": name,
        "sha": sha,
        "rules": rules,
        "reason": verdict.reason and str(verdict.reason),
        "detail": verdict.detail,
    }
    statement = insert(CardCheckRow).values(clean_json(row))
    replaced = {column: statement.excluded[column] for column in row if column != "dataset_id"}
    with transaction(engine) as session:
        session.execute(
            statement.on_conflict_do_update(index_elements=["dataset_id"], set_=replaced)
        )
