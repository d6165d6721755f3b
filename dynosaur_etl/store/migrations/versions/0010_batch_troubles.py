"""what keeps a batch from ending"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "llm_batches",
        sa.Column(
            "trouble", sa.String(), nullable=True, comment="see domain.batch.BatchTrouble; null: none"
        ),
    )
    op.add_column(
        "llm_batches",
        sa.Column("trouble_since", sa.DateTime(timezone=True), nullable=True),
    )


def downgrade() -> None:
    op.drop_column("llm_batches", "trouble_since")
    op.drop_column("llm_batches", "trouble")
