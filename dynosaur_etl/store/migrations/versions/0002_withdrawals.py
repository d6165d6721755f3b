"""withdrawals"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "withdrawals",
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("found_on", sa.String(), nullable=False, comment="UTC day, YYYY-MM-DD"),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("lifted_on", sa.String(), nullable=True, comment="null: in force"),
        sa.PrimaryKeyConstraint("dataset_id", "reason", "found_on", name=op.f("pk_withdrawals")),
    )


def downgrade() -> None:
    op.drop_table("withdrawals")
