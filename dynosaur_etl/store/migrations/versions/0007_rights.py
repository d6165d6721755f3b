"""what a verdict says of the licence and of earlier rows; renamed sources; cards that were audited"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0008"
branch_labels = None
depends_on = None

_LICENCES = "that hold at the revision; null: no card was read, or before they were kept here"
_EARLIER = "what becomes of rows of earlier revisions; null: as the reason tells"
_CONFLICT = "where the text names a stricter licence than the YAML; else empty"
_RENAMED = "the id under which the Hub has it now; null: not known to be another"


def upgrade() -> None:
    op.add_column(
        "verdicts", sa.Column("licences", postgresql.JSONB(), nullable=True, comment=_LICENCES)
    )
    op.add_column("verdicts", sa.Column("earlier", sa.String(), nullable=True, comment=_EARLIER))
    op.create_index("ix_verdicts_dataset_id", "verdicts", ["dataset_id", sa.text("day desc")])
    op.add_column(
        "revisions",
        sa.Column(
            "licence_conflict", sa.String(), nullable=False, server_default="", comment=_CONFLICT
        ),
    )
    op.alter_column("revisions", "licence_conflict", server_default=None)
    op.add_column("datasets", sa.Column("renamed_to", sa.String(), nullable=True, comment=_RENAMED))
    op.create_table(
        "card_checks",
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("sha", sa.String(), nullable=False, comment="of the head whose card it was"),
        sa.Column("rules", sa.String(), nullable=False, comment="digest of what it was judged by"),
        sa.Column("reason", sa.String(), nullable=True, comment="null: it may be used"),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("dataset_id", name=op.f("pk_card_checks")),
    )


def downgrade() -> None:
    op.drop_table("card_checks")
    op.drop_column("datasets", "renamed_to")
    op.drop_column("revisions", "licence_conflict")
    op.drop_index("ix_verdicts_dataset_id", "verdicts")
    op.drop_column("verdicts", "earlier")
    op.drop_column("verdicts", "licences")
