"""rate limits that a server reports, by that name"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _rename("told", "reported")


def downgrade() -> None:
    _rename("reported", "told")


def _rename(old: str, new: str) -> None:
    for name in ("requests", "tokens"):
        op.execute(
            f"update llm_paces set pace = (pace - '{old}_{name}')"
            f" || jsonb_build_object('{new}_{name}', pace -> '{old}_{name}')"
            f" where pace ? '{old}_{name}'"
        )
