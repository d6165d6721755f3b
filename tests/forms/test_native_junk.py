"""Rows that nobody foresaw, among those that instances are made of: each ends alone."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.models import TurnUse
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.forms.find import find_form
from dynosaur_etl.forms.instances import NativeInstance, NativeRules, RefusedRow
from dynosaur_etl.forms.native import native_instances
from dynosaur_etl.instances.native import JOINED
from tests.forms.support import stored
from tests.forms.test_find import ROWS

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=8)
    | st.sampled_from(["user", "assistant", "role", "<think>x", "[{", "[removed]", "\ud800\0"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["role", "content", "from", "value", "text", "type"]), inner),
    max_leaves=8,
)  # fmt: skip


class _Broken(dict[str, Any]):
    """A row that nothing can be read of."""

    def get(self, *_: Any) -> Any:
        raise ZeroDivisionError("of this row alone")


@pytest.mark.parametrize("name", ROWS)
def test_a_row_that_raises_what_nobody_foresaw_ends_alone(name: str) -> None:
    features, rows = stored(ROWS[name][1])
    found = find_form(features, rows)
    assert found is not None
    if found.form in JOINED or not found.gives_instances:
        return  # rows of a tree or a session are read together: there the task is the compartment
    alone = list(native_instances(found, rows, NativeRules()))
    beside = list(native_instances(found, [*rows, _Broken(rows[0])], NativeRules()))
    assert [one for one in beside if one.row < len(rows)] == alone
    [refused] = [one for one in beside if one.row == len(rows)]
    assert isinstance(refused, RefusedRow)
    assert refused.reason is Reason.UNFORESEEN_ERROR
    assert "of this row alone" in refused.detail


@pytest.mark.parametrize("name", ROWS)
@given(junk=st.data())
def test_any_junk_among_the_rows_is_refused_and_counted(name: str, junk: st.DataObject) -> None:
    _, good = ROWS[name]
    features, rows = stored(good)
    found = find_form(features, rows)
    assert found is not None
    row = {column: junk.draw(_JSON) for column in rows[0]}
    dropped = junk.draw(st.sets(st.sampled_from(list(row))))
    hostile = {column: value for column, value in row.items() if column not in dropped}
    for use in TurnUse:
        made = list(native_instances(found, [hostile], NativeRules(turns=use)))
        for one in made:
            if isinstance(one, NativeInstance):
                assert one.output.strip()
                assert one.instruction.strip()
                one.output.encode()
