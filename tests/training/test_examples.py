import re
from pathlib import Path
from typing import Any

from dynosaur_etl.training.examples import as_completion, as_messages, as_prompt_completion
from tests.house import ROOT
from tests.training.tiny import byte_tokenizer, rows, write_model

INSTANCE = {"instruction": "Name the city.", "input": "Seine", "output": "Paris"}
TURNS = [
    {"role": "user", "content": "Name the city.\n\nSeine"},
    {"role": "assistant", "content": "Paris"},
]


def test_a_plain_prompt_ends_with_a_mark_that_parts_it_from_the_answer() -> None:
    assert as_completion(INSTANCE) == {
        "prompt": "Name the city.\n\nSeine\n\n### Response:\n",
        "completion": "Paris",
    }


def test_the_prompts_tokens_are_the_same_with_and_without_the_answer() -> None:
    tokenizer = byte_tokenizer(None, merges=True)
    for answer in ("Paris", "an answer", "\nthe", ": a"):
        told = as_completion({**INSTANCE, "output": answer})
        asked = tokenizer(told["prompt"])["input_ids"]
        whole = tokenizer(told["prompt"] + told["completion"])["input_ids"]
        if not answer.startswith("\n"):
            assert whole[: len(asked)] == asked


def test_an_empty_input_leaves_no_empty_lines() -> None:
    prompt = as_completion({**INSTANCE, "input": ""})["prompt"]
    assert prompt == "Name the city.\n\n### Response:\n"


def test_messages_are_the_users_turn_and_the_assistants() -> None:
    assert as_messages(INSTANCE) == TURNS


def test_what_is_learnt_is_the_last_turn_whether_the_row_has_turns_or_texts() -> None:
    wanted = {"prompt": TURNS[:1], "completion": TURNS[1:]}
    assert as_prompt_completion(INSTANCE) == wanted
    assert as_prompt_completion({"messages": TURNS}) == wanted
    longer = {"messages": [*TURNS, *TURNS]}
    assert as_prompt_completion(longer) == {
        "prompt": [*TURNS, TURNS[0]], "completion": TURNS[1:],
    }  # fmt: skip


def test_the_readmes_lines_for_trl_train_on_the_answers_alone(tmp_path: Path) -> None:
    """The code of the README is run, with a model of a test and its tokens looked at."""
    from datasets import Dataset
    from trl import SFTConfig

    readme = (ROOT / "README.md").read_text()
    [code] = [c for c in re.findall(r"```python\n(.*?)```", readme, re.DOTALL) if "SFTTrainer" in c]
    model = write_model(tmp_path / "model")
    options = SFTConfig(str(tmp_path / "out"), bf16=False, use_cpu=True, report_to="none")
    found: dict[str, Any] = {"train": Dataset.from_list(rows(4)), "options": options}
    runnable = code.replace('model="Qwen/Qwen3-0.6B"', f"model={str(model)!r}, args=options")
    assert "options" in runnable
    runnable = runnable.replace("trainer.train()", "")
    assert "trainer.train()" in code
    exec(runnable, found)  # noqa: S102 - the README's own lines
    tokenizer = byte_tokenizer()
    for row, told in zip(rows(4), found["trainer"].train_dataset, strict=True):
        counted = [token for token in told["labels"] if token != -100]
        assert tokenizer.decode(counted) == f"{row['output']}<|im_end|>\n"
        assert len(counted) < len(told["input_ids"]) / 2
