"""Tasks of the evaluation harness over data that lie beside them, without a network."""

from pathlib import Path

import pytest

from dynosaur_etl.domain.errors import InvalidInput
from dynosaur_etl.flows.train.evaluate import Wanted, evaluate
from tests.flows.train.conftest import Taught, write_lines

pytest.importorskip("lm_eval", reason="the evaluation harness is not installed")

TASK = """
task: boats
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{question}}}}"
doc_to_choice: ["yes", "no"]
doc_to_target: "{{{{right}}}}"
metric_list: [{{metric: acc}}]
"""


def test_a_task_of_ones_own_is_evaluated_by_name(taught: Taught, tmp_path: Path) -> None:
    rows = [{"question": f"Is it {n}?", "right": str(n % 2)} for n in range(6)]
    data = write_lines(tmp_path / "boats.jsonl", rows)
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "boats.yaml").write_text(TASK.format(data=data))
    wanted = Wanted(str(taught.model), f"lm-eval:boats@{tmp_path / 'tasks'}")
    found = evaluate(wanted, taught.settings())
    [accuracy] = [one for one in found["all"] if one["metric"] == "boats: acc,none"]
    assert 0 <= accuracy["value"] <= 1
    assert Path(found["path"]).is_file()
    with pytest.raises(InvalidInput, match="tasks of lm-eval"):
        evaluate(Wanted(str(taught.model), "lm-eval:no_such_task_at_all"), taught.settings())
