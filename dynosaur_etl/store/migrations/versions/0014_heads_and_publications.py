"""versions that point at another one's files, trials, and where a version was published"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("uq_snapshots_fingerprint", "snapshots")
    op.create_index(op.f("ix_snapshots_fingerprint"), "snapshots", ["fingerprint"])
    op.alter_column("snapshots", "fingerprint", comment="of all that it is made from")
    op.alter_column("snapshots", "parent", comment="the head before it")
    op.add_column(
        "snapshots",
        sa.Column(
            "same_as", sa.BigInteger(), nullable=True,
            comment="the version whose files it points at; null: it has its own",
        ),
    )
    op.add_column(
        "snapshots",
        sa.Column(
            "trial", sa.Boolean(), server_default=sa.false(), nullable=False,
            comment="it never is the head",
        ),
    )
    op.create_table(
        "publications",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column(
            "target", sa.String(), nullable=False,
            comment="a dataset's address at the Hub, or a folder or URL without login",
        ),
        sa.Column(
            "place", sa.String(), nullable=False,
            comment="commit at the Hub, or path below the folder",
        ),
        sa.Column(
            "published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["version"], ["snapshots.version"], name=op.f("fk_publications_version_snapshots")
        ),
        sa.PrimaryKeyConstraint("version", "target", name=op.f("pk_publications")),
    )


def downgrade() -> None:
    op.drop_table("publications")
    op.drop_column("snapshots", "trial")
    op.drop_column("snapshots", "same_as")
    op.drop_index(op.f("ix_snapshots_fingerprint"), table_name="snapshots")
    op.create_unique_constraint("uq_snapshots_fingerprint", "snapshots", ["fingerprint"])
