"""Native instances: what the rows of a config of some form give, and why others give nothing."""

from collections.abc import Iterator, Sequence

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.forms.drafts import draft_of
from dynosaur_etl.forms.form import Form, FoundForm
from dynosaur_etl.forms.guards import check_row, marking_columns
from dynosaur_etl.forms.instances import (
    Made,
    NativeDraft,
    NativeRules,
    RefusedRow,
    finished,
)
from dynosaur_etl.forms.joined import trace_drafts, tree_drafts
from dynosaur_etl.forms.languages import LANGUAGE_COLUMNS, other_language
from dynosaur_etl.forms.turns import Refusal, attempted
from dynosaur_etl.forms.values import Row

_JOINED = {Form.TREE: tree_drafts, Form.TRACES: trace_drafts}


def native_instances(found: FoundForm, rows: Sequence[Row], rules: NativeRules) -> Iterator[Made]:
    """Yield the instances of rows, and a refusal with its reason for each row that gives none.

    A row of a tree or of a session that is only context of a later answer gives neither.

    Args:
        found: the form of the config.
        rows: as `decoded_rows` gives them, in their order; those of one session together.
        rules: how rows become instances.
    """
    if not found.gives_instances:
        for number in range(len(rows)):
            yield RefusedRow(number, found.reason or Reason.NO_ANSWER, found.detail)
        return
    left: list[tuple[int, Row]] = []
    guard = _Guard(found, rows, rules)
    for number, row in enumerate(rows):
        refusal = guard.refusal(row)
        if refusal is None:
            left.append((number, row))
        else:
            yield _refused(number, refusal)
    for number, draft in _drafts(found, left):
        yield from _finished(number, draft, rules)


class _Guard:
    """What the columns of a config say of its rows."""

    def __init__(self, found: FoundForm, rows: Sequence[Row], rules: NativeRules) -> None:
        names = list(rows[0]) if rows else []
        self._found = found
        self._allowed = rules.languages
        used = set(found.roles.values())
        self._marks = [name for name in marking_columns(names) if name not in used]
        self._languages = [
            name for name in names if name.lower() in LANGUAGE_COLUMNS and name not in used
        ]

    def refusal(self, row: Row) -> Refusal | None:
        return attempted(self._check, row)

    def _check(self, row: Row) -> None:
        code = other_language(row, self._languages, self._allowed)
        if code is not None:
            raise Refusal(Reason.LANGUAGE_NOT_ALLOWED, code)
        check_row(row, self._found.least, self._marks)


def _drafts(
    found: FoundForm, rows: Sequence[tuple[int, Row]]
) -> Iterator[tuple[int, NativeDraft | Refusal]]:
    if found.form in _JOINED:
        yield from _JOINED[found.form](found, rows)
        return
    for number, row in rows:
        yield number, attempted(draft_of, found, row)


def _finished(number: int, draft: NativeDraft | Refusal, rules: NativeRules) -> Iterator[Made]:
    made = draft if isinstance(draft, Refusal) else attempted(finished, number, draft, rules)
    if isinstance(made, Refusal):
        yield _refused(number, made)
    else:
        yield from made


def _refused(number: int, refusal: Refusal) -> RefusedRow:
    return RefusedRow(number, refusal.reason, refusal.detail)
