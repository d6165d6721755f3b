"""what the list tells of a card, and candidates that a cap defers"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TOLD = "as the YAML of the card at sha names them; null: only the card can tell"
_LAST_SEEN = "when the Hub's list showed it last; null: known from a file of statistics alone"
_DEFERRED = "the earlier day that had too many of its owner or family; null: found on this day"


def _column(
    name: str, kind: Any, comment: str | None, nullable: bool = True
) -> "sa.Column[Any]":
    return sa.Column(name, kind, nullable=nullable, comment=comment)


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("datasets", _column("licences", postgresql.JSONB(), _TOLD))
    op.add_column("datasets", _column("languages", postgresql.JSONB(), "as licences"))
    op.add_column(
        "datasets", _column("licence_name", sa.String(), "of a licence without an identifier")
    )
    op.add_column("datasets", _column("last_seen_at", moment, _LAST_SEEN))
    op.alter_column("datasets", "seen_at", comment="for the first time")
    op.add_column("candidates", _column("deferred_from", sa.String(), _DEFERRED))
    op.create_table(
        "deferred_candidates",
        _column("day", sa.String(), None, nullable=False),
        _column("dataset_id", sa.String(), None, nullable=False),
        _column("revision", sa.String(), None),
        _column("committed_at", moment, None),
        _column("change", sa.String(), None, nullable=False),
        _column("cap", sa.String(), "owner or family", nullable=False),
        sa.PrimaryKeyConstraint("day", "dataset_id", name=op.f("pk_deferred_candidates")),
    )


def downgrade() -> None:
    op.drop_table("deferred_candidates")
    op.drop_column("candidates", "deferred_from")
    op.alter_column("datasets", "seen_at", comment=None)
    for name in ("last_seen_at", "licence_name", "languages", "licences"):
        op.drop_column("datasets", name)
