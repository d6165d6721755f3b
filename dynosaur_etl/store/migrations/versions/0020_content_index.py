"""an index of the content keys of scores and vectors"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "indexed_files",
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column(
            "number", sa.BigInteger(), nullable=False, comment="64 bits of the hash of the path"
        ),
        sa.PrimaryKeyConstraint("path", name=op.f("pk_indexed_files")),
        sa.UniqueConstraint("number", name=op.f("uq_indexed_files_number")),
    )
    op.create_index(op.f("ix_indexed_files_kind"), "indexed_files", ["kind"])
    op.create_table(
        "content_keys",
        sa.Column("key", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("file", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file"], ["indexed_files.number"], ondelete="cascade",
            name=op.f("fk_content_keys_file_indexed_files"),
        ),
        sa.PrimaryKeyConstraint("key", "file", name=op.f("pk_content_keys")),
    )
    op.create_index(op.f("ix_content_keys_file"), "content_keys", ["file"])


def downgrade() -> None:
    op.drop_table("content_keys")
    op.drop_table("indexed_files")
