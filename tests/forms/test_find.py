"""Every form is found from rows of its kind, and is not found in rows that only look like it."""

import json
from typing import Any

import pytest

from dynosaur_etl.forms.form import FORM_RULES, Form
from tests.forms.support import Rows, assistant, form_of, user

TOOLS = [{"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}]
CALL = [{"type": "function", "function": {"name": "tide", "arguments": {"quay": "Norhaven"}}}]
LONG = "First I look at the numbers, then I add them, and then I check the sum once more."


def _chat(number: int) -> list[dict[str, Any]]:
    return [user(f"Where is quay {number}?"), assistant(f"Behind shed {number}.")]


def _parts(text: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text}]


ROWS: dict[str, tuple[Form, Rows]] = {
    "sharegpt": (
        Form.SHAREGPT,
        [
            {"id": n, "conversations": [
                {"from": "human", "value": f"Q{n}?"}, {"from": "gpt", "value": f"A{n}."},
            ]}
            for n in range(4)
        ],
    ),
    "messages": (Form.MESSAGES, [{"messages": _chat(n), "source": "x"} for n in range(4)]),
    "messages under another name": (Form.MESSAGES, [{"exchange": _chat(n)} for n in range(4)]),
    "messages of another convention": (
        Form.MESSAGES,
        [
            {"dialog": [{"speaker": "Human", "text": f"q{n}"}, {"speaker": "AI", "text": "a"}]}
            for n in range(4)
        ],
    ),
    "messages as a text of JSON": (
        Form.MESSAGES, [{"messages": json.dumps(_chat(n))} for n in range(4)]
    ),
    "messages whose keys differ": (
        Form.MESSAGES,
        [{"messages": [user("q"), assistant("a", name="b")]}, {"messages": _chat(1)}],
    ),
    "content parts": (
        Form.CONTENT_PARTS,
        [{"messages": [user(_parts("q")), assistant(_parts("a"))]} for _ in range(3)],
    ),
    "tool calling": (
        Form.TOOL_CALLING,
        [
            {"messages": [user("When is high tide?"), assistant(None, tool_calls=CALL)],
             "tools": TOOLS}
            for _ in range(3)
        ],
    ),
    "calls as JSON": (
        Form.CALLS_IN_TEXT,
        [
            {"query": "When is high tide?", "tools": json.dumps(TOOLS),
             "answers": json.dumps([{"name": "tide", "arguments": {}}])}
        ],
    ),
    "calls in a chat": (
        Form.CALLS_IN_TEXT,
        [{"system": "SYSTEM: help", "chat": "USER: hi\n\n\nASSISTANT: hello <|endoftext|>"}],
    ),
    "triple": (
        Form.TRIPLE,
        [{"instruction": "Add.", "input": f"{n} and 2", "output": f"{n + 2}"} for n in range(4)],
    ),
    "triple of dolly": (
        Form.TRIPLE,
        [
            {"instruction": "Name a sea.", "context": "", "response": "The Dead Sea",
             "category": "open_qa"}
        ],
    ),
    "pair": (Form.PAIR, [{"prompt": f"p{n}", "completion": f"c{n}"} for n in range(4)]),
    "pair of questions": (
        Form.PAIR, [{"question": f"q{n}?", "answer": f"a{n}", "url": "u"} for n in range(4)]
    ),
    "pair of turns": (
        Form.PAIR, [{"prompt": [user("p")], "completion": [assistant("c")]} for _ in range(2)]
    ),
    "prompts": (Form.PROMPT_ONLY, [{"prompt": f"Write {n} lines."} for n in range(3)]),
    "prompts with a truth": (
        Form.PROMPT_ONLY,
        [
            {"data_source": "m", "prompt": [user("1+1?")], "ability": "math",
             "reward_model": {"ground_truth": "2", "style": "rule"}}
        ],
    ),
    "preference": (
        Form.PREFERENCE, [{"prompt": "p", "chosen": "good", "rejected": "bad"} for _ in range(3)]
    ),
    "preference of turns": (
        Form.PREFERENCE,
        [
            {"prompt": "p", "chosen": [user("p"), assistant("good")],
             "rejected": [user("p"), assistant("bad")], "score_chosen": 8.0, "score_rejected": 3.0}
        ],
    ),
    "implicit preference": (
        Form.IMPLICIT_PREFERENCE,
        [
            {"chosen": "\n\nHuman: hi\n\nAssistant: hello",
             "rejected": "\n\nHuman: hi\n\nAssistant: no"}
        ],
    ),
    "implicit preference of turns": (
        Form.IMPLICIT_PREFERENCE,
        [{"chosen": [user("p"), assistant("good")], "rejected": [user("p"), assistant("bad")]}],
    ),
    "scored answers": (
        Form.SCORED_ANSWERS,
        [
            {"instruction": "Say hi.", "completions": [
                {"response": "hi", "overall_score": 9.0}, {"response": "go", "overall_score": 2.0},
            ]}
        ],
    ),
    "attributes": (
        Form.SCORED_ANSWERS,
        [{"prompt": "p", "response": "r", "helpfulness": 4, "correctness": 4, "verbosity": 1}],
    ),
    "unpaired preference": (
        Form.UNPAIRED_PREFERENCE,
        [{"prompt": "p", "completion": "c", "label": n % 2 == 0} for n in range(4)],
    ),
    "tree": (
        Form.TREE,
        [
            {"message_id": "a", "parent_id": None, "text": "q", "role": "prompter", "rank": None},
            {"message_id": "b", "parent_id": "a", "text": "r", "role": "assistant", "rank": 0},
        ],
    ),
    "thoughts in tags": (
        Form.REASONING,
        [{"messages": [user("1+1?"), assistant("<think>easy</think>2")]} for _ in range(3)],
    ),
    "thoughts in a column": (
        Form.REASONING, [{"question": "1+1?", "reasoning": LONG, "answer": "2"} for _ in range(3)]
    ),
    "worked solutions": (
        Form.REASONING, [{"question": "1+1?", "answer": "1+1=<<1+1=2>>2\n#### 2"} for _ in range(3)]
    ),
    "generations": (
        Form.REASONING,
        [
            {"problem": "1+1?", "generations": ["<think>e</think>2", "3"],
             "is_complete": [True, True], "is_right": [True, False]}
        ],
    ),
    "steps": (
        Form.STEPWISE,
        [
            {"prompt": "1+1?", "completions": ["one", "two"], "labels": [True, last]}
            for last in (True, False)
        ],
    ),
    "choices": (
        Form.CHOICES,
        [{"question": "q?", "choices": ["x", "y", "z"], "answer": n, "topic": "s"} for n in (0, 2)],
    ),
    "choices with labels": (
        Form.CHOICES,
        [
            {"id": "1", "question": "q?", "choices": {"text": ["x", "y"], "label": ["A", "B"]},
             "answerKey": "B"}
        ],
    ),
    "choices in columns": (
        Form.CHOICES, [{"question": "q?", "A": "x", "B": "y", "C": "z", "D": "w", "answer": "C"}]
    ),
    "traces": (
        Form.TRACES,
        [
            {"type": "user", "message": user("Do it."), "uuid": "1", "parentUuid": None,
             "sessionId": "s"},
            {"type": "assistant", "message": assistant(_parts("Done.")), "uuid": "2",
             "parentUuid": "1", "sessionId": "s"},
        ],
    ),
    "traces as datasets reads them": (
        Form.TRACES, [{"harness": "h", "session_id": "s", "messages": _chat(1), "tools": None}]
    ),
    "software engineering": (
        Form.SWE,
        [
            {"repo": "a/b", "instance_id": "i", "problem_statement": "It fails.", "patch": "--- a",
             "test_patch": "--- t", "FAIL_TO_PASS": "[]"}
        ],
    ),
    "web corpus": (
        Form.CORPUS,
        [{"text": LONG, "url": "u", "dump": "CC", "token_count": 9, "language_score": 0.9}],
    ),
    "code corpus": (
        Form.CORPUS,
        [{"content": "def f(): pass", "path": "a.py", "hexsha": "00", "size": 13, "ext": "py"}],
    ),
    "triplets": (
        Form.TRIPLETS,
        [{"query": "Where is the quay?", "positive": "Below the hill.", "negative": "It rains."}],
    ),
    "people": (
        Form.PEOPLE, [{"annotator_id": "7", "gender": "f", "age_range": "20-30", "country": "X"}]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_rows_of_a_form_have_it(name: str) -> None:
    form, rows = ROWS[name]
    found = form_of(rows)
    assert found is not None
    assert found.form is form, found


def test_every_form_has_a_test_and_a_rule() -> None:
    assert {form for form, _ in ROWS.values()} == set(Form) == set(FORM_RULES)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="no rows"),
        pytest.param([{"context": "The quay.", "question": "q?", "answer": "a"}], id="context"),
        pytest.param([{"text": "Fine day.", "label": 1}], id="a text and a label"),
        pytest.param([{"premise": "a", "hypothesis": "b", "label": 0}], id="premise"),
        pytest.param([{"tokens": ["a", "b"], "tags": [0, 1]}], id="tokens and tags"),
        pytest.param([{"title": "t", "text": "x", "url": "u"}], id="an article"),
        pytest.param([{"messages": [{"user": "a", "likes": 3}]}], id="messages without roles"),
        pytest.param([{"messages": ["a", "b"]}], id="messages of texts"),
        pytest.param([{"messages": [{"role": "narrator", "content": "a"}], "n": 1}], id="role"),
        pytest.param([{"question": "q?", "answer": 3}], id="an answer that is a number"),
        pytest.param([{"question": "q?", "answer": True, "passage": "p"}], id="yes or no"),
        pytest.param([{"question": None, "answer": None}], id="nulls"),
        pytest.param([{"question": "", "answer": ""}], id="empty texts"),
        pytest.param([{"chosen": 1, "rejected": 2, "prompt": "p"}], id="numbers chosen"),
        pytest.param([{"article": "x", "question": "q", "options": ["a", "b"], "answer": "A"}],
                     id="choices about an article"),
        pytest.param([{"en": "quay", "de": "Kai"}], id="translations"),
    ],
)  # fmt: skip
def test_rows_of_other_kinds_have_none(rows: Rows) -> None:
    assert form_of(rows) is None


def test_a_form_of_one_kind_is_found_in_mixed_rows() -> None:
    good = [{"messages": _chat(n)} for n in range(7)]
    bad: list[dict[str, Any]] = [{"messages": "nothing"}, {"messages": [1, 2]}, {"messages": []}]
    found = form_of([*good, *bad])
    assert found is not None
    assert found.form is Form.MESSAGES
