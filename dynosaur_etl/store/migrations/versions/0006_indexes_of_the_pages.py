"""indexes by which the pages find their rows"""

from alembic import op
from sqlalchemy import text

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WORDS = (
    "to_tsvector('simple'::regconfig, \"left\"((payload -> 0) ->> 'instruction'::text, 2000))"
)
_NEWEST = text("day desc")
_COSTS = ["cost_usd", "reserved_usd", "prompt_tokens", "completion_tokens"]


def upgrade() -> None:
    op.create_index("ix_proposals_list", "proposals", [_NEWEST, "dataset_id", "request_key", "position"])
    op.create_index(
        "ix_proposals_source", "proposals", ["dataset_id", _NEWEST],
        postgresql_ops={"dataset_id": "text_pattern_ops"},
    )
    op.create_index(
        "ix_proposals_reason", "proposals", ["reason", _NEWEST],
        postgresql_where=text("reason is not null"),
    )
    op.create_index("ix_proposals_words", "proposals", [text(_WORDS)], postgresql_using="gin")
    op.create_index("ix_rejections_list", "rejections", [_NEWEST, "stage", "subject", "reason"])
    op.create_index("ix_rejections_reason", "rejections", ["reason", _NEWEST, "stage", "subject"])
    op.create_index(
        "ix_rejections_subject", "rejections", ["subject"],
        postgresql_ops={"subject": "text_pattern_ops"},
    )
    op.create_index("ix_revisions_licences", "revisions", ["licences"], postgresql_using="gin")
    op.create_index(
        "ix_llm_requests_costs", "llm_requests", ["day", "purpose", "model"],
        postgresql_include=_COSTS,
    )
    op.create_index("ix_growth_runs_finished_at", "growth_runs", ["finished_at"])


def downgrade() -> None:
    op.drop_index("ix_growth_runs_finished_at", "growth_runs")
    op.drop_index("ix_llm_requests_costs", "llm_requests")
    op.drop_index("ix_revisions_licences", "revisions")
    for name in ("subject", "reason", "list"):
        op.drop_index(f"ix_rejections_{name}", "rejections")
    for name in ("words", "reason", "source", "list"):
        op.drop_index(f"ix_proposals_{name}", "proposals")
