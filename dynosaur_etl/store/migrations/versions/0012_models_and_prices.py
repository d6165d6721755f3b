"""what is known of models, where prices are from, and who answered"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "llm_models",
        sa.Column("server", sa.String(), nullable=False, comment="base URL"),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("form", JSONB(), nullable=False, comment="fields of domain.request_form"),
        sa.Column("accepted", JSONB(), nullable=False, comment="features that were taken once"),
        sa.Column("refusals", JSONB(), nullable=False, comment="the server's words, in order"),
        sa.Column(
            "learnt_at", sa.DateTime(timezone=True), nullable=True, comment="null: never asked"
        ),
        sa.Column("ends_on", sa.String(), nullable=True, comment="as the server says; null: open"),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("server", "model", name=op.f("pk_llm_models")),
    )
    op.create_table(
        "llm_trials",
        sa.Column("key", sa.String(), nullable=False, comment="digest of what was asked"),
        sa.Column("model", sa.String(), nullable=False, comment="that was tried"),
        sa.Column("server", sa.String(), nullable=False),
        sa.Column("facts", JSONB(), nullable=False, comment="of domain.trials.Trial"),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_llm_trials")),
    )
    op.add_column("llm_attempts", sa.Column("price_source", sa.String(), nullable=True))
    op.add_column("llm_attempts", sa.Column("price_version", sa.String(), nullable=True))
    for name in ("written_tokens", "reasoning_tokens"):
        op.add_column("llm_requests", sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column(
        "llm_requests",
        sa.Column("server", sa.String(), nullable=True, comment="base URL; null: from before"),
    )
    op.add_column(
        "llm_requests", sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.execute("update llm_requests set answered_at = sent_at where status = 'answered'")
    op.execute(
        "update llm_requests set server = batches.server from llm_attempts as attempts"
        " join llm_batches as batches on batches.key = attempts.batch"
        " where attempts.key = llm_requests.key and attempts.outcome = 'answered'"
    )


def downgrade() -> None:
    for name in ("answered_at", "server", "reasoning_tokens", "written_tokens"):
        op.drop_column("llm_requests", name)
    op.drop_column("llm_attempts", "price_version")
    op.drop_column("llm_attempts", "price_source")
    op.drop_table("llm_trials")
    op.drop_table("llm_models")
