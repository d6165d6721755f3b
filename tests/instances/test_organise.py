from collections import Counter
from dataclasses import replace

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.models import Config, Mode, Task
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.instances.duplicates import drop_duplicates
from dynosaur_etl.instances.organise import draw_rows, fill_task

CONFIG = Config(
    dataset_id="o/d",
    revision="a" * 40,
    name="default",
    features={
        "question": {"dtype": "string", "_type": "Value"},
        "context": {"dtype": "string", "_type": "Value"},
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
            "__split__": ["train"] * len(questions),
            "__row__": pa.array([10 + n for n in range(len(questions))], pa.int64()),
        }
    )


def test_several_fields_are_named_and_provenance_is_complete() -> None:
    filled = fill_task(TASK, CONFIG, rows(["q"], ["c"], [1]), 10, 0, "2024-01-02")
    [instance] = filled.instances.to_pylist()
    assert instance["input"] == "question is 'q'. context is 'c'."
    assert instance["output"] == "good"
    assert {name: instance[name] for name in ("dataset", "revision", "config", "split", "row")} == {
        "dataset": "o/d", "revision": "a" * 40, "config": "default", "split": "train", "row": 10,
    }  # fmt: skip
    assert (instance["task_key"], instance["growth_day"]) == (TASK.key, "2024-01-02")
    assert (instance["licence"], instance["mode"]) == ("mit", "aware")


def test_a_single_field_stands_as_it_is() -> None:
    task = replace(TASK, input_fields=("question",))
    [instance] = fill_task(task, CONFIG, rows(["q"], ["c"], [0]), 10, 0, "d").instances.to_pylist()
    assert instance["input"] == "q"


def test_an_odd_row_rejects_that_row_alone_with_its_reason() -> None:
    table = rows(["q", None, "q", "", "good"], ["c", "c", "c", "", ""], [1, 1, None, 1, 1])
    filled = fill_task(TASK, CONFIG, table, 10, 0, "d")
    assert filled.instances["row"].to_pylist() == [10]
    assert filled.rejected == Counter(
        {
            Reason.INPUT_NULL: 1,
            Reason.OUTPUT_NULL: 1,
            Reason.INPUT_EMPTY: 1,
            Reason.OUTPUT_COPIES_INPUT: 1,
        }
    )


def test_an_output_outside_of_the_label_space_is_rejected() -> None:
    task = replace(TASK, label_space=("bad",))
    filled = fill_task(task, CONFIG, rows(["q", "q"], ["c", "d"], [0, 1]), 10, 0, "d")
    assert filled.instances["output"].to_pylist() == ["bad"]
    assert filled.rejected == Counter({Reason.OUTPUT_NOT_IN_LABELS: 1})


def test_an_empty_table_gives_no_instance_and_no_reject() -> None:
    filled = fill_task(TASK, CONFIG, rows([], [], []), 10, 0, "d")
    assert filled.instances.num_rows == 0
    assert not filled.rejected


@given(
    st.lists(
        st.tuples(
            st.none() | st.text(max_size=8),
            st.none() | st.text(max_size=8),
            st.none() | st.integers(-2, 3),
        ),
        max_size=12,
    ),
    st.integers(1, 12),
)
def test_no_row_is_lost_and_no_instance_breaks_a_rule(
    values: list[tuple[str | None, str | None, int | None]], limit: int
) -> None:
    table = rows([v[0] for v in values], [v[1] for v in values], [v[2] for v in values])
    filled = fill_task(TASK, CONFIG, table, limit, 0, "d")
    drawn = min(limit, len(values))
    assert filled.instances.num_rows + sum(filled.rejected.values()) == drawn
    assert all(output in TASK.label_space for output in filled.instances["output"].to_pylist())
    assert filled.instances["row"].to_pylist() == sorted(set(filled.instances["row"].to_pylist()))


def test_the_draw_is_the_same_for_the_same_seed_and_spreads_over_all_rows() -> None:
    drawn = draw_rows(1000, 100, "0:key")
    assert drawn == draw_rows(1000, 100, "0:key")
    assert drawn != draw_rows(1000, 100, "1:key")
    assert drawn == sorted(set(drawn))
    assert len(drawn) == 100
    assert max(drawn) > 900


def test_of_the_same_instance_the_first_stays() -> None:
    first = fill_task(TASK, CONFIG, rows(["q", "q"], ["c", "c"], [1, 1]), 10, 0, "d").instances
    unique = drop_duplicates(first)
    assert unique.instances["row"].to_pylist() == [10]
    assert unique.dropped == Counter({TASK.key: 1})
