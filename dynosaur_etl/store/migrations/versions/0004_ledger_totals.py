"""ledger: whose each attempt is and what it holds, running totals of budgets, paces of servers"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MONEY = sa.Numeric(precision=20, scale=10)
HELD = "held while in flight; stays where the answer may have been paid, its cost unseen"


def upgrade() -> None:
    for name, comment, kind in (
        ("day", "of the run that pays for this sending", sa.String()),
        ("purpose", "what this sending was paid for", sa.String()),
        ("reserved_usd", HELD, MONEY),
    ):
        op.add_column("llm_attempts", sa.Column(name, kind, nullable=True, comment=comment))
    # the last attempt of a request carries what the request holds; of lost ones nothing is known
    op.execute(
        "update llm_attempts a set day = r.day, purpose = r.purpose, reserved_usd = "
        "case when a.number = r.attempts then r.reserved_usd else 0 end "
        "from llm_requests r where r.key = a.key"
    )
    for name in ("day", "purpose", "reserved_usd"):
        op.alter_column("llm_attempts", name, nullable=False)
    op.create_index(op.f("ix_llm_attempts_day"), "llm_attempts", ["day"])
    op.create_index(op.f("ix_llm_attempts_sent_at"), "llm_attempts", ["sent_at"])
    op.create_table(
        "llm_budgets",
        sa.Column("scope", sa.String(), nullable=False, comment="a run or a calendar month"),
        sa.Column("used_usd", MONEY, nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_llm_budgets")),
    )
    op.execute(
        "insert into llm_budgets "
        "select 'run ' || day || ' ' || purpose, sum(coalesce(cost_usd, 0) + reserved_usd) "
        "from llm_attempts group by day, purpose union all "
        "select 'month ' || to_char(sent_at at time zone 'UTC', 'YYYY-MM'), "
        "sum(coalesce(cost_usd, 0) + reserved_usd) from llm_attempts group by 1"
    )
    pace = sa.Column(
        "pace",
        postgresql.JSONB(astext_type=sa.Text()),
        nullable=False,
        comment="fields of domain.pace.Pace",
    )
    op.create_table(
        "llm_paces",
        sa.Column("server", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        pace,
        sa.PrimaryKeyConstraint("server", "model", name=op.f("pk_llm_paces")),
    )


def downgrade() -> None:
    op.drop_table("llm_paces")
    op.drop_table("llm_budgets")
    op.drop_index(op.f("ix_llm_attempts_sent_at"), table_name="llm_attempts")
    op.drop_index(op.f("ix_llm_attempts_day"), table_name="llm_attempts")
    for name in ("reserved_usd", "purpose", "day"):
        op.drop_column("llm_attempts", name)
