"""batches of LLM requests"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "llm_batches",
        sa.Column("key", sa.String(), nullable=False, comment="the server is told it"),
        sa.Column("day", sa.String(), nullable=False, comment="of the run that pays"),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("server", sa.String(), nullable=False, comment="base URL it was made for"),
        sa.Column(
            "status",
            sa.String(),
            nullable=False,
            comment="intended, submitting, submitted or closed",
        ),
        sa.Column("server_id", sa.String(), nullable=True, comment="null: not known yet"),
        sa.Column(
            "server_status", sa.String(), nullable=True, comment="when it was last looked at"
        ),
        sa.Column("requests", sa.BigInteger(), nullable=False),
        sa.Column(
            "worked_off",
            sa.BigInteger(),
            nullable=False,
            comment="by the server, when it was last looked at",
        ),
        sa.Column("error", sa.String(), nullable=True, comment="why not every line has an answer"),
        sa.Column(
            "created_here_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_llm_batches")),
    )
    op.create_index(op.f("ix_llm_batches_day"), "llm_batches", ["day"])
    op.add_column(
        "llm_requests",
        sa.Column("batch", sa.String(), nullable=True, comment="that it is in now; null: in none"),
    )
    op.create_index(op.f("ix_llm_requests_batch"), "llm_requests", ["batch"])
    op.create_foreign_key(
        op.f("fk_llm_requests_batch_llm_batches"), "llm_requests", "llm_batches", ["batch"], ["key"]
    )
    op.add_column(
        "llm_attempts",
        sa.Column("batch", sa.String(), nullable=True, comment="null: it was sent by itself"),
    )
    op.create_index(op.f("ix_llm_attempts_batch"), "llm_attempts", ["batch"])
    op.create_foreign_key(
        op.f("fk_llm_attempts_batch_llm_batches"), "llm_attempts", "llm_batches", ["batch"], ["key"]
    )


def downgrade() -> None:
    op.drop_column("llm_attempts", "batch")
    op.drop_column("llm_requests", "batch")
    op.drop_table("llm_batches")
