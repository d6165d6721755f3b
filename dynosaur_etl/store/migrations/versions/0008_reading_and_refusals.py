"""what was read of a config's files, and why the Hub shows no commits of a dataset"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0008"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "configs",
        sa.Column(
            "reading", JSONB(), nullable=False, server_default="{}",
            comment="by split: files in all, and where not all was read the files read with their rows",
        ),
    )
    op.add_column(
        "datasets",
        sa.Column(
            "commits_refused", sa.String(), nullable=True,
            comment="reason for which the Hub showed none at commits_of; null: it showed them",
        ),
    )


def downgrade() -> None:
    op.drop_column("datasets", "commits_refused")
    op.drop_column("configs", "reading")
