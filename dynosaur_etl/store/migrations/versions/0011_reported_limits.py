"""rate limits that a server reports, by that name"""

from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _rename("told", "reported")
    _comment("fields of domain.rate_limit.RateLimit")


def downgrade() -> None:
    _rename("reported", "told")
    _comment("fields of domain.pace.Pace")


def _comment(words: str) -> None:
    op.alter_column(
        "llm_paces", "pace", comment=words, existing_type=JSONB(), existing_nullable=False
    )


def _rename(old: str, new: str) -> None:
    for name in ("requests", "tokens"):
        op.execute(
            f"update llm_paces set pace = (pace - '{old}_{name}')"
            f" || jsonb_build_object('{new}_{name}', pace -> '{old}_{name}')"
            f" where pace ? '{old}_{name}'"
        )
