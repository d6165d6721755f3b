"""plans of a day's requests, and attempts that replaced nothing"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0006"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(astext_type=sa.Text())


def upgrade() -> None:
    op.create_table(
        "plans",
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column(
            "fingerprint", sa.String(), nullable=False,
            comment="of what the requests are built from",
        ),
        sa.Column("asked", sa.String(), nullable=False, comment="digest of the keys"),
        sa.Column("keys", sa.ARRAY(sa.Text()), nullable=False, comment="of the requests"),
        sa.Column("about", JSONB, nullable=False, comment="dataset, config and mode of each"),
        sa.PrimaryKeyConstraint("day", "step", name=op.f("pk_plans")),
    )
    op.add_column(
        "growth_runs",
        sa.Column(
            "held_back", JSONB, nullable=True,
            comment="a later attempt that replaced nothing, as it was not whole; null: none",
        ),
    )


def downgrade() -> None:
    op.drop_column("growth_runs", "held_back")
    op.drop_table("plans")
