"""What a user asks for on the command line, checked before anything is read."""

from dataclasses import dataclass, field
from pathlib import Path

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.flows.select.file.columns import Columns
from dynosaur_etl.flows.select.file.vectorising import read_similarity
from dynosaur_etl.selection import METHODS, Specification


@dataclass(frozen=True)
class FileRequest:
    """A selection from a file.

    Attributes:
        specification: how many rows are selected, by what and how.
        columns: the names that matter.
        method: a name of `METHODS`.
        similarity: what makes two rows similar, see `vectorising`; None for text or vectors.
        target: file or folder of what the selection is for.
        format_weight: share of the form of the texts in the similarity.
        model: of the embedder: a folder, a Hub id, or None for the packaged one.
        split: of a folder to read; None for `train`.
        encoding: of text files; None for UTF-8.
    """

    specification: Specification
    columns: Columns = field(default_factory=Columns)
    method: str = "qdit"
    similarity: str | None = None
    target: Path | None = None
    format_weight: float = 0.0
    model: str | None = None
    split: str | None = None
    encoding: str | None = None

    def check(self) -> None:
        """Refuse what is not allowed whatever the rows are.

        Raises:
            InvalidInput: naming the option.
        """
        rules, columns = self.specification, self.columns
        given = (rules.k, rules.budget)
        if (rules.k is None) == (rules.budget is None):
            raise InvalidInput(not_allowed("-k and --budget", given, "one of the two"))
        for option, value in zip(("-k", "--budget"), given, strict=True):
            if value is not None and value < 1:
                raise InvalidInput(not_allowed(option, value, "a whole number from 1"))
        _check_both("--group and --most", columns.group, rules.group_cap)
        _check_both("--cost and --budget", columns.cost, rules.budget)
        rules.check()
        if self.method not in METHODS:
            raise InvalidInput(not_allowed("--method", self.method, METHODS.keys()))
        if self.similarity is not None:
            if self.format_weight:
                raise InvalidInput("--similarity and --format-weight: allowed: one of the two")
            read_similarity(self.similarity)
        _check_weight(self.format_weight, columns)
        _check_encoding(self.encoding)


def _check_both(options: str, one: object, other: object) -> None:
    if (one is None) != (other is None):
        raise InvalidInput(not_allowed(options, (one, other), "both or neither"))


def _check_weight(weight: float, columns: Columns) -> None:
    """Refuse a weight of the form that is none, or that has no texts to go by."""
    if not 0 <= weight <= 1:
        raise InvalidInput(not_allowed("--format-weight", weight, "a number from 0 to 1"))
    if weight and columns.embedding and not columns.text:
        raise InvalidInput("--format-weight with --embedding: received no --text; allowed: with it")


def _check_encoding(encoding: str | None) -> None:
    """Refuse an encoding that Python does not know."""
    try:
        "".encode(encoding or "utf-8")
    except (LookupError, ValueError) as e:
        words = "an encoding of text that Python knows, such as latin-1 or utf-16"
        raise InvalidInput(not_allowed("--encoding", encoding, words)) from e
