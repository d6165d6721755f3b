import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.models import Config, Mode, Task
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.instances.organise import (
    RULES,
    FilledRows,
    Filling,
    draw_rows,
    drawn_batches,
    fill_rows,
    fill_task,
    instance_keys,
    without_marks,
)
from dynosaur_etl.instances.pii import Handling

CONFIG = Config(
    dataset_id="o/d",
    revision="a" * 40,
    name="default",
    features={
        "question": {"dtype": "string", "_type": "Value"},
        "context": {"dtype": "string", "_type": "Value"},
        "options": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
        "mood": {"names": ["bad", "good"], "_type": "ClassLabel"},
    },
    splits={"train": 4},
)
TASK = Task(
    dataset_id="o/d",
    revision="a" * 40,
    config="default",
    instruction="Tell the mood.",
    input_fields=("question", "context"),
    output_field="mood",
    label_space=("bad", "good"),
    mode=Mode.AWARE,
    prompt_version="p1",
    licence="mit",
    request_key="r" * 64,
)


def rows(questions: list[str | None], contexts: list[str | None], moods: list[object]) -> pa.Table:
    return pa.table(
        {
            "question": pa.array(questions, pa.string()),
            "context": pa.array(contexts, pa.string()),
            "mood": pa.array(moods, pa.int64()),
            "__split__": pa.array(["train"] * len(questions), pa.string()),
            "__row__": pa.array([10 + n for n in range(len(questions))], pa.int64()),
        }
    )


def fill(table: pa.Table, task: Task = TASK, **how: object) -> FilledRows:
    return fill_rows(task, CONFIG, table, Filling(**how), "2024-01-02")  # type: ignore[arg-type]


def reasons(filled: FilledRows) -> Counter[Reason]:
    found: Counter[Reason] = Counter()
    for (reason, _), number in filled.rejected.items():
        found[reason] += number
    return found


def test_several_fields_are_named_and_provenance_is_complete() -> None:
    [instance] = fill(rows(["q"], ["c"], [1])).instances.to_pylist()
    assert instance["input"] == "question is 'q'. context is 'c'."
    assert instance["output"] == "good"
    assert {name: instance[name] for name in ("dataset", "revision", "config", "split", "row")} == {
        "dataset": "o/d", "revision": "a" * 40, "config": "default", "split": "train", "row": 10,
    }  # fmt: skip
    assert (instance["task_key"], instance["growth_day"]) == (TASK.key, "2024-01-02")
    assert (instance["licence"], instance["mode"]) == ("mit", "aware")
    assert instance["pii"] == ""


def test_a_single_field_stands_as_it_is() -> None:
    task = replace(TASK, input_fields=("question",))
    [instance] = fill(rows(["q"], ["c"], [0]), task).instances.to_pylist()
    assert instance["input"] == "q"


def test_an_odd_row_rejects_that_row_alone_with_its_reason() -> None:
    table = rows(["q", None, "q", "", "good"], ["c", "c", "c", "", ""], [1, 1, None, 1, 1])
    filled = fill(table)
    assert filled.instances["row"].to_pylist() == [10]
    assert reasons(filled) == Counter(
        {
            Reason.INPUT_NULL: 1,
            Reason.OUTPUT_NULL: 1,
            Reason.INPUT_EMPTY: 1,
            Reason.OUTPUT_COPIES_INPUT: 1,
        }
    )


def test_an_output_outside_of_the_label_space_is_rejected() -> None:
    task = replace(TASK, label_space=("bad",))
    filled = fill(rows(["q", "q"], ["c", "d"], [0, 1]), task)
    assert filled.instances["output"].to_pylist() == ["bad"]
    assert reasons(filled) == Counter({Reason.OUTPUT_NOT_IN_LABELS: 1})


def test_an_empty_table_gives_no_instance_and_no_reject() -> None:
    filled = fill(rows([], [], []))
    assert filled.instances.num_rows == 0
    assert not filled.rejected


def test_a_key_depends_on_instruction_input_and_output_and_on_where_each_ends() -> None:
    texts = [("i", "ab", "c"), ("i", "a", "bc"), ("ia", "b", "c"), ("i", "ab", "d"), ("", "", "")]
    keys = [instance_keys(i, pa.array([a]), pa.array([b]))[0].as_py() for i, a, b in texts]
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 64 for key in keys)
    framed = b"instance 1:i" + b"2:abc"
    assert keys[0] == hashlib.sha256(framed).hexdigest()
    both = instance_keys("i", pa.array(["x", "ab"]), pa.array(["y", "c"]))
    assert both.to_pylist()[1] == keys[0]
    assert (
        instance_keys("i", pa.array([], pa.string()), pa.array([], pa.string())).to_pylist() == []
    )


Values = list[tuple[str | None, str | None, int | None]]
TABLES = st.lists(
    st.tuples(
        st.none() | st.text(max_size=8),
        st.none() | st.text(max_size=8),
        st.none() | st.integers(-2, 3),
    ),
    max_size=12,
)


@pytest.mark.parametrize("rules", sorted(RULES))
@pytest.mark.parametrize("pii", list(Handling))
@given(values=TABLES, several=st.booleans())
def test_no_row_is_lost_and_no_instance_breaks_a_rule(
    rules: str, pii: Handling, values: Values, several: bool
) -> None:
    table = rows([v[0] for v in values], [v[1] for v in values], [v[2] for v in values])
    task = TASK if several else replace(TASK, input_fields=("question",))
    filled = fill(table, task, rules=RULES[rules], pii=pii)
    assert filled.instances.num_rows + sum(filled.rejected.values()) == len(values)
    assert all(number > 0 for number in filled.rejected.values())
    outputs = filled.instances["output"].to_pylist()
    assert all(output in TASK.label_space for output in outputs)
    assert filled.instances["row"].to_pylist() == sorted(set(filled.instances["row"].to_pylist()))
    provenance = filled.instances.drop_columns(["pii", "input"])
    assert all(value not in ("", None) for row in provenance.to_pylist() for value in row.values())
    assert all(len(text) <= 2000 for text in filled.instances["input"].to_pylist())


@given(values=TABLES, sizes=st.integers(1, 5))
def test_batches_give_what_the_whole_table_gives(values: Values, sizes: int) -> None:
    table = rows([v[0] for v in values], [v[1] for v in values], [v[2] for v in values])
    whole = fill(table)
    batches = (table.slice(start, sizes) for start in range(0, table.num_rows, sizes))
    parts = list(fill_task(TASK, CONFIG, batches, Filling(), "2024-01-02"))
    rejected = sum((part.rejected for part in parts), Counter())
    assert rejected == whole.rejected
    if parts:
        assert pa.concat_tables([part.instances for part in parts]).equals(whole.instances)


@given(st.integers(0, 60), st.integers(1, 60), st.integers(1, 20))
def test_drawn_rows_are_the_same_however_the_rows_are_cut(
    available: int, limit: int, size: int
) -> None:
    table = pa.table({"n": pa.array(range(available), pa.int64())})
    drawn = draw_rows(available, limit, "seed")
    found = list(drawn_batches(iter(table.to_batches(max_chunksize=size)), drawn))
    assert [n for part in found for n in part["n"].to_pylist()] == drawn


def test_the_draw_is_the_same_for_the_same_seed_and_spreads_over_all_rows() -> None:
    drawn = draw_rows(1000, 100, "0:key")
    assert drawn == draw_rows(1000, 100, "0:key")
    assert drawn != draw_rows(1000, 100, "1:key")
    assert drawn == sorted(set(drawn))
    assert len(drawn) == 100
    assert max(drawn) > 900


def test_batches_are_read_one_at_a_time() -> None:
    taken = []

    def batches() -> Iterator[pa.Table]:
        for number in range(3):
            taken.append(number)
            yield rows(["q"], ["c"], [1])

    filled = fill_task(TASK, CONFIG, batches(), Filling(), "2024-01-02")
    next(filled)
    assert taken == [0]


def test_minus_one_is_no_answer_where_all_sampled_values_say_so() -> None:
    def start(values: list[int | None]) -> pa.ChunkedArray:
        return pa.chunked_array([pa.array(values, pa.int64())])

    rows = pa.table({"text": ["a", "b"], "start": pa.array([-1, 0], pa.int64())})
    places = without_marks(rows, "start", start([-1, 0, 47, None]))
    assert places["start"].to_pylist() == [None, 0]
    assert places["text"] == rows["text"]
    assert without_marks(rows, "start", start([-1, 0, 1])) is rows
    assert without_marks(rows, "start", start([-1, -2, 47])) is rows
    texts = pa.chunked_array([pa.array(["-1", "30"])])
    assert without_marks(rows, "text", texts) is rows
