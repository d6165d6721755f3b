"""The same forms in other spellings: names of columns and roles, nulls, markers, scores."""

import json
from decimal import Decimal
from typing import Any

import pytest

from dynosaur_etl.forms.find import find_form
from dynosaur_etl.forms.form import Form
from dynosaur_etl.forms.instances import NativeInstance, NativeRules
from dynosaur_etl.forms.native import native_instances
from tests.forms.support import Rows, assistant, form_of, instances_of, made_of, refusals_of, user

ASKED, SAID = "Where is the quay?", "Behind the shed."


def _chat(role: str, text: str, names: tuple[str, str], **more: Any) -> Rows:
    turns = [{role: names[0], text: ASKED, **more}, {role: names[1], text: SAID, **more}]
    return [{"messages": turns} for _ in range(3)]


CONVERSATIONS: dict[str, Rows] = {
    "capitals": _chat("role", "content", ("USER", "Assistant")),
    "sender": _chat("sender", "text", ("user", "bot")),
    "LangChain": _chat("type", "content", ("human", "ai")),
    "from and content": _chat("from", "content", ("user", "model")),
    "nulls beside": _chat("role", "content", ("user", "assistant"), tool_calls=None, name=None),
    "null turns": [{"messages": [None, user(ASKED), None, assistant(SAID)]} for _ in range(3)],
    "as a text": [{"chat": json.dumps([user(ASKED), None, assistant(SAID)])} for _ in range(3)],
    "parts without a type": [
        {"contents": [
            {"role": "user", "parts": [{"text": ASKED}]},
            {"role": "model", "parts": [{"text": SAID}]},
        ]}
        for _ in range(3)
    ],
    "exchanges": [{"conversation": [{"human": ASKED, "assistant": SAID}]} for _ in range(3)],
    "exchanges of others": [{"turns": [{"user": ASKED, "bot": SAID, "n": 1}]} for _ in range(3)],
    "headings": [{"text": f"### Human: {ASKED}### Assistant: {SAID}"} for _ in range(3)],
    "ChatML": [
        {"text": f"<|im_start|>user\n{ASKED}<|im_end|>\n<|im_start|>assistant\n{SAID}<|im_end|>\n"}
        for _ in range(3)
    ],
    "Llama 3": [
        {"text": f"<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{ASKED}<|eot_id|>"
                 f"<|start_header_id|>assistant<|end_header_id|>\n\n{SAID}<|eot_id|>"}
        for _ in range(3)
    ],
}  # fmt: skip


@pytest.mark.parametrize("rows", CONVERSATIONS.values(), ids=CONVERSATIONS.keys())
def test_a_conversation_is_known_in_every_spelling(rows: Rows) -> None:
    found = form_of(rows)
    assert found is not None
    assert found.form in (Form.MESSAGES, Form.SHAREGPT, Form.CONTENT_PARTS)
    made = instances_of(rows)
    assert len(made) == 3
    told = {tuple((turn.role, turn.content) for turn in one.messages) for one in made}
    assert told == {(("user", ASKED), ("assistant", SAID))}


@pytest.mark.parametrize(
    ("chosen", "rejected"),
    [
        ("chosen_response", "rejected_response"), ("response_chosen", "response_rejected"),
        ("response_j", "response_k"), ("preferred", "dispreferred"), ("accepted", "rejected"),
        ("Chosen", "Rejected"),
    ],
)  # fmt: skip
def test_the_rejected_answer_is_known_by_any_name_and_never_taught(
    chosen: str, rejected: str
) -> None:
    rows = [{"question": ASKED, rejected: f"No, {n}.", chosen: SAID} for n in range(3)]
    found = form_of(rows)
    assert found is not None
    assert found.form is Form.PREFERENCE
    assert {(made.output, made.rejected[:3]) for made in instances_of(rows)} == {(SAID, "No,")}


@pytest.mark.parametrize(
    ("good", "bad"), [(True, False), (1, 0), (1, -1), (1.0, 0.0), ("true", "False"), ("1", "0")]
)
def test_a_label_that_says_no_is_never_taught(good: Any, bad: Any) -> None:
    rows = [
        {"prompt": ASKED, "completion": SAID, "label": good},
        {"prompt": ASKED, "completion": "Under the sea.", "label": bad},
        {"prompt": ASKED, "completion": "I do not know.", "label": None},
    ]
    assert [made.output for made in instances_of(rows)] == [SAID]
    assert refusals_of(rows) == [(1, "not_preferred"), (2, "not_preferred")]


@pytest.mark.parametrize("names", [["bad", "good"], ["False", "True"], ["rejected", "chosen"]])
def test_a_class_that_says_no_is_never_taught(names: list[str]) -> None:
    text = {"dtype": "string", "_type": "Value"}
    label = {"names": names, "_type": "ClassLabel"}
    features = {"prompt": text, "completion": text, "label": label}
    rows = [{"prompt": ASKED, "completion": f"{n}", "label": n % 2} for n in range(4)]
    found = find_form(features, rows)
    assert found is not None
    made = list(native_instances(found, rows, NativeRules()))
    assert [one.output for one in made if isinstance(one, NativeInstance)] == ["1", "3"]


def test_scores_that_are_decimals_are_read_as_scores() -> None:
    text = {"dtype": "string", "_type": "Value"}
    features = {"prompt": text, "completion": text, "score": {"dtype": "decimal128(3, 1)"}}
    rows = [{"prompt": ASKED, "completion": f"{n}", "score": Decimal(n)} for n in range(6)]
    found = find_form(features, rows)
    assert found is not None
    made = list(native_instances(found, rows, NativeRules()))
    assert [one.output for one in made if isinstance(one, NativeInstance)] == ["3", "4", "5"]


def test_a_number_beside_weaker_names_may_be_any_class() -> None:
    rows = [{"question": ASKED, "answer": SAID, "label": n % 2} for n in range(4)]
    found = form_of(rows)
    assert found is None or found.form is not Form.UNPAIRED_PREFERENCE


@pytest.mark.parametrize(
    ("answers", "scores"),
    [("generations", "ratings"), ("responses", "scores"), ("candidates", "rewards")],
)
def test_scores_may_stand_in_a_list_beside_the_answers(answers: str, scores: str) -> None:
    given = [
        (["Under the sea.", SAID], [1.0, 5.0]), (["No.", "Never."], [1.0, 2.0]),
        ([SAID, "Up there."], ["4", "2"]), (["Here.", SAID], [4.0, None]),
    ]  # fmt: skip
    rows = [{"prompt": ASKED, answers: texts, scores: json.dumps(told)} for texts, told in given]
    found = form_of(rows)
    assert found is not None
    assert found.roles["scores"] == scores
    assert [(made.output, made.rejected) for made in instances_of(rows)] == [
        (SAID, "Under the sea."), (SAID, "Up there."),
    ]  # fmt: skip
    assert refusals_of(rows) == [(1, "score_low"), (3, "form_broken")]


def test_choices_may_stand_under_their_letters() -> None:
    rows = [
        {"question": ASKED, "options": {"A": "up", "B": "here", "C": None}, "answer": "B"},
        {"question": ASKED, "options": {"A": "up", "B": "here", "C": None}, "answer": "here"},
        {"question": ASKED, "options": {"A": "up", "B": "here", "C": "gone"}, "answer": "D"},
    ]
    made = instances_of(rows)
    assert [(one.input, one.output) for one in made] == [(f"{ASKED}\nA. up\nB. here", "B")] * 2
    assert refusals_of(rows) == [(2, "output_not_in_labels")]


def test_conversations_about_pictures_are_known_and_refused_row_by_row() -> None:
    asked = user([{"type": "image"}, {"type": "text", "text": ASKED}])
    rows = [{"messages": [asked, assistant(SAID)]} for _ in range(3)]
    found = form_of(rows)
    assert found is not None
    assert found.form is Form.CONTENT_PARTS
    assert refusals_of(rows) == [(number, "modality") for number in range(3)]
    assert len(made_of(rows)) == 3
