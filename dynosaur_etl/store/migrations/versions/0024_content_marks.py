"""marks of what a config holds, by which mirrors are known"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

COLUMNS = {
    "row_marks": "the smallest hashes of its sampled rows",
    "file_marks": "the smallest hashes of the files read",
}


def upgrade() -> None:
    for name, comment in COLUMNS.items():
        op.add_column(
            "configs",
            sa.Column(
                name, ARRAY(sa.BigInteger()), nullable=False, server_default="{}", comment=comment
            ),
        )
        op.create_index(f"ix_configs_{name}", "configs", [name], postgresql_using="gin")


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_index(f"ix_configs_{name}", "configs")
        op.drop_column("configs", name)
