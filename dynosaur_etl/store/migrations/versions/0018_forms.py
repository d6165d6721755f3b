"""the form of a config, and of what its task is native to"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "configs",
        sa.Column(
            "form", JSONB(none_as_null=True), nullable=True,
            comment="of an instruction set, with the fields of its roles; null: it is none",
        ),
    )
    op.add_column(
        "tasks",
        sa.Column(
            "form", sa.String(), nullable=False, server_default="",
            comment="of the instruction set that the task is native to; empty: it was proposed",
        ),
    )


def downgrade() -> None:
    op.drop_column("tasks", "form")
    op.drop_column("configs", "form")
