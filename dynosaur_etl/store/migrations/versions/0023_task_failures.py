"""failures of Airflow tasks, in the words of their errors"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "task_failures",
        sa.Column("dag_id", sa.String(), primary_key=True),
        sa.Column("run_id", sa.String(), primary_key=True),
        sa.Column("task_id", sa.String(), primary_key=True),
        sa.Column("map_index", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("try_number", sa.BigInteger(), nullable=False),
        sa.Column(
            "day", sa.String(), nullable=True, comment="growth day; null: the run has none"
        ),
        sa.Column("kind", sa.String(), nullable=False, comment="name of the error's class"),
        sa.Column("error", sa.String(), nullable=False, comment="its last line"),
        sa.Column("retried", sa.Boolean(), nullable=False, comment="whether another try follows"),
        sa.Column(
            "failed_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
    )
    op.create_index("ix_task_failures_failed_at", "task_failures", ["failed_at"])


def downgrade() -> None:
    op.drop_table("task_failures")
