"""Tables of the storage's files, and of the content keys in them."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from dynosaur_etl.store.tables.base import Base


class FileRow(Base):
    """A file of the storage; a file without a row is garbage, a row without a file cannot be."""

    __tablename__ = "files"

    kind: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(index=True)
    path: Mapped[str] = mapped_column(comment="below the storage URL")
    rows: Mapped[int]
    bytes: Mapped[int]


class IndexedFileRow(Base):
    """A file whose content keys stand in `content_keys`."""

    __tablename__ = "indexed_files"

    path: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(index=True)
    number: Mapped[int] = mapped_column(unique=True, comment="64 bits of the hash of the path")


class ContentKeyRow(Base):
    """Which indexed file holds which content key; both as 64 bits of their hashes."""

    __tablename__ = "content_keys"

    key: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    file: Mapped[int] = mapped_column(
        ForeignKey("indexed_files.number", ondelete="cascade"), primary_key=True, index=True
    )
