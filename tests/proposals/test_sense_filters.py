"""Each sign of the filters that hold an instruction against its output, and what looks like it."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from dynosaur_etl.domain.models import Config, Mode, Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.proposals.parse import RawProposal
from dynosaur_etl.proposals.validity import TaskParts, judge_proposals
from tests.proposals.labelled_tasks import packaged_meanings

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
TEXT = {"_type": "Value", "dtype": "string"}
NUMBER = {"_type": "Value", "dtype": "int64"}
LIST = {"_type": "List", "feature": TEXT}
FEATURES: dict[str, Any] = {
    "question": TEXT, "passage": TEXT, "answer": TEXT, "choices": LIST, "key": TEXT, "hint": TEXT,
    "topic": TEXT, "mood": {"_type": "ClassLabel", "names": ["calm", "cross"]}, "speaker": TEXT,
    "votes": NUMBER, "asked_on": TEXT, "summary": TEXT, "option_a": TEXT, "option_b": TEXT,
}  # fmt: skip
STORIES = [
    ("Who opened the gate?", "Old Marten opened the gate at dawn and let the geese out.", "Marten"),
    ("Where did the boat sink?", "The boat sank off the point at noon.", "off the point"),
    ("What did Ida sell?", "Ida sold honey and wax at the market in Orm.", "honey and wax"),
    ("When did the snow melt?", "The snow melted in April, weeks later than usual.", "in April"),
    ("Why was the bell rung?", "The bell was rung, as fog came in from the sea.", "because of fog"),
    ("How was the roof mended?", "The roof was mended with reed that grew there.", "with reed"),
]  # fmt: skip


def rows() -> list[dict[str, Any]]:
    return [
        {
            "question": question,
            "passage": passage,
            "answer": answer,
            "choices": ["A) yes", "B) no"],
            "key": "ABCABD"[n],
            "hint": f"Think of the {('gate', 'boat', 'market', 'season', 'weather', 'roof')[n]}.",
            "topic": ["village", "sea", "trade", "weather", "weather", "building"][n],
            "mood": n % 2,
            "speaker": ["Ann Orr", "Bo Pell", "Cy Reed", "Di Fen", "Ed Moss", "Fay Lund"][n],
            "votes": [12, 3, 41, 7, 29, 18][n],
            "asked_on": f"2021-0{n + 1}-1{n}",
            "summary": passage.split(",")[0] + ".",
            "option_a": "yes",
            "option_b": "no",
        }
        for n, (question, passage, answer) in enumerate(STORIES)
    ]


def reason(instruction: str, inputs: str, output: str) -> Reason | None:
    payload = {"instruction": instruction, "input_fields": inputs.split(), "output_field": output}
    config = Config("village/stories", "0" * 40, "default", FEATURES, {})
    answers = [(Mode.AWARE, [RawProposal(0, payload)])]
    [judged] = judge_proposals(config, rows(), answers, meanings=packaged_meanings()).proposals
    return judged.judgement.reason if isinstance(judged.judgement, Verdict) else None


@pytest.mark.parametrize(
    ("instruction", "inputs", "output"),
    [
        ("Answer the question using the passage.", "question passage", "answer"),
        ("Write a question that the passage answers.", "passage", "question"),
        ("You are given a passage. Summarise it in one sentence.", "passage", "summary"),
        ("What is the topic of the passage?", "passage", "topic"),
        ("Is the passage calm or cross in its mood?", "passage", "mood"),
        ("Choose the right option for the question.", "question choices", "key"),
        ("Given the question, pick the right option.", "question option_a option_b", "key"),
        ("Give a hint that helps to answer the question.", "question passage", "hint"),
        ("Write a short passage on the given topic.", "topic", "passage"),
        ("Write a passage of the given mood.", "mood", "passage"),
        ("Read the passage and say what the question asks for.", "passage question", "answer"),
        ("Which subject does this text deal with?", "passage", "topic"),
    ],
)  # fmt: skip
def test_sound_tasks_stand_in_many_wordings(instruction: str, inputs: str, output: str) -> None:
    assert reason(instruction, inputs, output) is None


@pytest.mark.parametrize(
    ("instruction", "inputs", "output", "expected"),
    [
        ("Identify the topic.", "topic", "passage", Reason.ASKS_FOR_INPUT),
        ("What is the mood of the passage?", "mood", "summary", Reason.ASKS_FOR_INPUT),
        ("Determine whether the passage is true.", "passage", "summary", Reason.ASKS_FOR_OTHER),
        ("Name the currency that is used.", "passage", "topic", Reason.ASKS_FOR_OTHER),
        ("Write a question about the passage.", "passage", "summary", Reason.ASKS_FOR_OTHER),
        ("Write a passage with the opposite mood.", "mood", "passage", Reason.ASKS_FOR_OTHER),
        ("Who opened the gate and let the geese out?", "passage", "answer", Reason.FITS_FEW_ROWS),
        ("Say what Ida sold at the market in Orm.", "passage", "answer", Reason.FITS_FEW_ROWS),
        ("Write a calm passage.", "mood", "passage", Reason.FITS_FEW_ROWS),
        ("Choose the right option for the question.", "question", "key", Reason.NEEDS_NOT_GIVEN),
        ("Pick the best answer among the choices.", "question", "answer", Reason.NEEDS_NOT_GIVEN),
        ("Compare two passages and name the topic.", "passage", "topic", Reason.NEEDS_NOT_GIVEN),
        ("Find the topic in the dataset.", "passage", "topic", Reason.NEEDS_NOT_GIVEN),
        ("Fill in the blank in the passage.", "passage", "answer", Reason.NEEDS_NOT_GIVEN),
        ("Given a passage and a list, name the topic.", "passage", "topic", Reason.NEEDS_NOT_GIVEN),
        ("Who speaks in the passage?", "passage", "speaker", Reason.OUTPUT_NOT_DERIVABLE),
        ("How many votes did the question get?", "question", "votes", Reason.OUTPUT_NOT_DERIVABLE),
        ("When was the passage written?", "passage", "asked_on", Reason.OUTPUT_NOT_DERIVABLE),
        ("Write the text with this many votes.", "votes", "passage", Reason.OUTPUT_NOT_DERIVABLE),
    ],
)  # fmt: skip
def test_each_sign_is_seen(instruction: str, inputs: str, output: str, expected: Reason) -> None:
    assert reason(instruction, inputs, output) is expected


def case(name: str) -> tuple[Config, list[dict[str, Any]]]:
    path = CASES / name / "train.parquet"
    if not path.exists():
        pytest.skip("the cases are not beside the checkout")
    table = pq.read_table(path)
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    return Config("case/x", "0" * 40, "default", features, {}), table.to_pylist()


@pytest.mark.parametrize(
    ("name", "instruction", "inputs", "output", "expected"),
    [
        ("c02_identifier_output", "Give the index.", "sentence", "idx", Reason.OUTPUT_IDENTIFIER),
        ("c02_identifier_output", "Give the row.", "sentence", "row_id", Reason.OUTPUT_IDENTIFIER),
        ("c02_identifier_output", "Is the sentence good or bad?", "sentence", "label", None),
        ("c03_asks_for_an_input", "Identify the system used to generate the summary.", "system",
         "summary", Reason.ASKS_FOR_INPUT),
        ("c04_instruction_for_one_row", "How many clips did Ann sell in April and May in all?",
         "question", "answer", Reason.FITS_FEW_ROWS),
        ("c04_instruction_for_one_row", "Calculate the number of the clips sold by Ann.",
         "question", "answer", Reason.FITS_FEW_ROWS),
        ("c04_instruction_for_one_row", "Solve the word problem.", "question", "answer", None),
    ],
)  # fmt: skip
def test_the_smallest_inputs_that_failed(
    name: str, instruction: str, inputs: str, output: str, expected: Reason | None
) -> None:
    config, sample = case(name)
    payload = {"instruction": instruction, "input_fields": [inputs], "output_field": output}
    answers = [(Mode.AWARE, [RawProposal(0, payload)])]
    [judged] = judge_proposals(config, sample, answers, meanings=packaged_meanings()).proposals
    found = judged.judgement.reason if isinstance(judged.judgement, Verdict) else None
    assert found is expected


def test_plots_are_no_label_space() -> None:
    config, sample = case("c01_label_space_of_long_texts")
    payload = {
        "instruction": "Tell the plot that answers the question.",
        "input_fields": ["question"],
        "output_field": "plot",
    }
    answers = [(Mode.AWARE, [RawProposal(0, payload)])]
    [judged] = judge_proposals(config, sample, answers).proposals
    assert isinstance(judged.judgement, TaskParts)
    assert judged.judgement.label_space == ()


def test_without_an_embedder_only_identifiers_are_sought() -> None:
    config, sample = case("c02_identifier_output")
    kept = []
    for words, output in (("Predict the number of the row.", "idx"), ("Name the price.", "label")):
        payload = {"instruction": words, "input_fields": ["sentence"], "output_field": output}
        answers = [(Mode.AWARE, [RawProposal(0, payload)])]
        kept.append(judge_proposals(config, sample, answers).proposals[0].keep)
    assert kept == [False, True]
