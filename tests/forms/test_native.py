"""What the rows of each form give, and what is never taught."""

import json
from typing import Any

import pytest

from dynosaur_etl.domain.models import ReasoningUse, TurnUse
from dynosaur_etl.forms.instances import NativeInstance, NativeRules, RefusedRow
from tests.forms.support import assistant, instances_of, made_of, refusals_of, user
from tests.forms.test_find import CALL, LONG, ROWS, TOOLS

TURNS = NativeRules(turns=TurnUse.TURN)


def _talk(*turns: dict[str, Any], **more: Any) -> list[dict[str, Any]]:
    return [{"messages": list(turns), **more}]


def _roles(made: NativeInstance) -> list[tuple[str, str]]:
    return [(turn.role, turn.content) for turn in made.messages]


def _system(text: str) -> dict[str, Any]:
    return {"role": "system", "content": text}


def test_a_conversation_is_one_instance_or_one_a_turn() -> None:
    rows = _talk(_system("s"), user("q1"), assistant("a1"), user("q2"), assistant("a2"), user("q3"))
    [whole] = instances_of(rows)
    assert (whole.instruction, whole.output) == ("q2", "a2")
    assert whole.input == "User: q1\n\nAssistant: a1"
    assert [turn.role for turn in whole.messages] == [
        "system", "user", "assistant", "user", "assistant",
    ]  # fmt: skip
    first, second = instances_of(rows, TURNS)
    assert _roles(first) == [("system", "s"), ("user", "q1"), ("assistant", "a1")]
    assert (first.instruction, first.input, first.output) == ("q1", "", "a1")
    assert second == whole


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([user("a"), user("b"), assistant("c")], [("user", "a\nb"), ("assistant", "c")]),
        ([assistant("hi"), user("q"), assistant("a")], [("user", "q"), ("assistant", "a")]),
        (
            [user("q"), assistant("bad", weight=0), user("again"), assistant("good", weight=1)],
            [("user", "q\nagain"), ("assistant", "good")],
        ),
        (
            [user("q"), assistant("a"), user("r"), assistant("")],
            [("user", "q"), ("assistant", "a")],
        ),
        (
            [user("q"), assistant("a"), user(""), assistant("b")],
            [("user", "q"), ("assistant", "a")],
        ),
        (
            [user("q"), assistant("a"), user("r"), assistant("[deleted]")],
            [("user", "q"), ("assistant", "a")],
        ),
    ],
)
def test_broken_turns_are_mended_or_cut(
    turns: list[dict[str, Any]], expected: list[tuple[str, str]]
) -> None:
    [made] = instances_of(_talk(*turns))
    assert _roles(made) == expected


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([user("q"), assistant("")], "conversation_without_answer"),
        ([user("q"), assistant("a", weight=0)], "conversation_without_answer"),
        ([user("q"), assistant("a", toxic=True)], "flagged"),
        ([user("q"), _system("s"), assistant("a")], "conversation_broken"),
        ([user("q"), {"role": "tool", "content": "r"}, assistant("a")], "conversation_broken"),
        ([user("q"), {"role": "narrator", "content": "r"}, assistant("a")], "role_unknown"),
        ([user([{"type": "image"}, {"type": "text", "text": "q"}]), assistant("a")], "modality"),
        ([user(3), assistant("a")], "form_broken"),
    ],
)
def test_a_conversation_that_cannot_be_taught_is_refused(
    turns: list[dict[str, Any]], reason: str
) -> None:
    good = _talk(user("q"), assistant("a")) * 5
    assert refusals_of([*good, *_talk(*turns)]) == [(5, reason)]


def test_tools_and_calls_stay_data() -> None:
    turns = [
        user("When is high tide?"), assistant(None, tool_calls=CALL),
        {"role": "tool", "content": "17:30"}, assistant("At half past five."),
    ]  # fmt: skip
    [made] = instances_of(_talk(*turns, tools=TOOLS))
    assert [turn.role for turn in made.messages] == ["user", "assistant", "tool", "assistant"]
    [call] = made.messages[1].calls
    assert (call.name, json.loads(call.arguments)) == ("tide", {"quay": "Norhaven"})
    assert json.loads(made.tools) == TOOLS
    assert made.output == "At half past five."
    assert "17:30" not in made.output
    [call_only] = instances_of(_talk(*turns[:2], tools=TOOLS))
    assert json.loads(call_only.output) == [{"name": "tide", "arguments": {"quay": "Norhaven"}}]


@pytest.mark.parametrize(
    ("use", "output", "reasoning"),
    [
        (ReasoningUse.APART, "The answer is 2.", "One and one."),
        (ReasoningUse.INLINE, "<think>\nOne and one.\n</think>\n\nThe answer is 2.", ""),
        (ReasoningUse.DROP, "The answer is 2.", ""),
    ],
)
@pytest.mark.parametrize(
    "row",
    [
        {"messages": [user("1+1?"), assistant("<think>\nOne and one.\n</think>The answer is 2.")]},
        {"messages": [user("1+1?"), assistant("One and one.</think>The answer is 2.")]},
        {"messages": [user("1+1?"),
                      assistant("The answer is 2.", reasoning_content="One and one.")]},
    ],
)  # fmt: skip
def test_thoughts_are_apart_inline_or_dropped(
    row: dict[str, Any], use: ReasoningUse, output: str, reasoning: str
) -> None:
    [made] = instances_of([row], NativeRules(reasoning=use))
    assert (made.output, made.reasoning) == (output, reasoning)
    assert made.messages[-1].content == output


def test_only_the_last_thought_is_kept() -> None:
    [made] = instances_of(
        _talk(user("a"), assistant("<think>x</think>b"), user("c"), assistant("<think>y</think>d"))
    )
    assert _roles(made)[1] == ("assistant", "b")
    assert (made.output, made.reasoning) == ("d", "y")


def test_unfinished_thoughts_are_refused() -> None:
    good = _talk(user("q"), assistant("<think>x</think>a"))
    bad = _talk(user("q"), assistant("<think>x and then"))
    empty = _talk(user("q"), assistant("<think>x</think>\n"))
    assert refusals_of([*good * 3, *bad, *empty]) == [
        (3, "reasoning_unverified"), (4, "output_empty"),
    ]  # fmt: skip


def test_worked_solutions_are_whole_or_their_answer_alone() -> None:
    rows = [{"question": "1+1?", "answer": "1+1=<<1+1=2>>2\n#### 2"}]
    assert instances_of(rows)[0].output == "1+1=<<1+1=2>>2\n#### 2"
    assert instances_of(rows, NativeRules(reasoning=ReasoningUse.DROP))[0].output == "2"


def test_a_thought_of_its_own_column_is_no_answer() -> None:
    rows = [
        {"input": "1+1?", "reasoning_content": LONG, "content": "2", "score": n} for n in (4, 9)
    ]
    [made] = instances_of(rows)
    assert (made.output, made.reasoning) == ("2", LONG)
    assert refusals_of(rows) == [(0, "score_low")]


def test_only_a_verified_generation_is_taught() -> None:
    rows: list[dict[str, Any]] = [
        {"problem": "p", "generations": ["wrong", "<think>t</think>right", "cut"],
         "is_reasoning_complete": [True, True, False],
         "correctness_math_verify": [False, True, True]},
        {"problem": "p", "generations": ["a", "b"], "is_reasoning_complete": [True, False],
         "correctness_math_verify": [False, True]},
    ]  # fmt: skip
    assert [made.output for made in instances_of(rows)] == ["right"]
    assert refusals_of(rows) == [(1, "reasoning_unverified")]


def test_the_rejected_answer_travels_along_and_is_no_output() -> None:
    rows: list[dict[str, Any]] = [
        {
            "prompt": "p",
            "chosen": "good",
            "rejected": "bad",
            "chosen_score": 5,
            "rejected_score": 1,
        },
        {
            "prompt": "p",
            "chosen": "same",
            "rejected": "same",
            "chosen_score": 5,
            "rejected_score": 1,
        },
        {"prompt": "p", "chosen": "a", "rejected": "b", "chosen_score": 1, "rejected_score": 5},
        {"prompt": "p", "chosen": "c", "rejected": "d", "chosen_score": 3, "rejected_score": 3},
        {"prompt": "p", "chosen": "", "rejected": "d", "chosen_score": 3, "rejected_score": 2},
        {"prompt": "", "chosen": "c", "rejected": "d", "chosen_score": 3, "rejected_score": 2},
    ]
    assert [(made.output, made.rejected) for made in instances_of(rows)] == [
        ("good", "bad"), ("same", ""), ("c", ""),
    ]  # fmt: skip
    assert refusals_of(rows) == [(2, "not_preferred"), (4, "output_empty"), (5, "prompt_empty")]


def test_the_prompt_of_dialogues_is_what_they_share() -> None:
    begin = "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant:"
    [made] = instances_of([{"chosen": f"{begin} good", "rejected": f"{begin} bad"}])
    assert (made.instruction, made.output, made.rejected) == ("c", "good", "bad")
    assert _roles(made)[:2] == [("user", "a"), ("assistant", "b")]


def test_chosen_turns_that_repeat_the_prompt_are_read_once() -> None:
    chosen, rejected = [user("p"), assistant("good")], [user("p"), assistant("bad")]
    [made] = instances_of([{"prompt": "p", "chosen": chosen, "rejected": rejected}])
    assert _roles(made) == [("user", "p"), ("assistant", "good")]
    assert made.rejected == "bad"


def test_of_scored_answers_the_best_is_taught_if_it_is_good() -> None:
    def row(*scores: Any) -> dict[str, Any]:
        answers = [{"response": f"r{at}", "overall_score": s} for at, s in enumerate(scores)]
        return {"instruction": "i", "completions": answers}

    rows = [row(2.0, 9.5, 4.0), row(1.0, 1.5, 1.0), row(7.0, 7.0, 7.0)]
    assert [(m.output, m.rejected) for m in instances_of(rows)] == [("r1", "r0"), ("r0", "")]
    assert refusals_of(rows) == [(1, "score_low")]


def test_labels_decide_over_unpaired_answers_and_steps() -> None:
    rows = [{"prompt": "p", "completion": f"c{n}", "label": n == 1} for n in range(3)]
    assert [made.output for made in instances_of(rows)] == ["c1"]
    assert refusals_of(rows) == [(0, "not_preferred"), (2, "not_preferred")]
    steps = [
        {"prompt": "p", "completions": ["one", "two"], "labels": labels}
        for labels in ([True, True], [True, False])
    ]
    assert [made.output for made in instances_of(steps)] == ["one\ntwo"]
    assert refusals_of(steps) == [(1, "not_preferred")]


@pytest.mark.parametrize(
    ("rows", "answers"),
    [
        ([{"question": "q", "choices": ["x", "y"], "answer": n} for n in (0, 1)], ["A", "B"]),
        ([{"question": "q", "choices": ["x", "y"], "answer": n} for n in (1, 2)], ["A", "B"]),
        ([{"question": "q", "choices": ["x", "y"], "answer": n} for n in ("0", "1")], ["A", "B"]),
        ([{"question": "q", "choices": ["x", "y"], "answer": n} for n in ("a", "B)")], ["A", "B"]),
        ([{"question": "q", "choices": ["x", "y"], "answer": n} for n in ("y", "x")], ["B", "A"]),
        ([{"question": "q", "options": ["x", "y"], "answer": ["B"]}], ["B"]),
        (
            [{"question": "q", "answerKey": "2",
              "choices": [{"label": "1", "text": "x"}, {"label": "2", "text": "y"}]}],
            ["2"],
        ),
        ([{"question": "q", "A": "x", "B": "y", "answer": "B"}], ["B"]),
    ],
)  # fmt: skip
def test_the_answer_to_choices_is_their_mark(
    rows: list[dict[str, Any]], answers: list[str]
) -> None:
    made = instances_of(rows)
    assert [one.output for one in made] == answers
    assert all("x" in one.input and "y" in one.input for one in made)


def test_an_answer_that_is_no_choice_is_refused() -> None:
    rows = [{"question": "q", "choices": ["x", "y"], "answer": n} for n in (0, 1, 7, -1)]
    assert refusals_of(rows) == [(2, "output_not_in_labels"), (3, "output_not_in_labels")]


def test_of_a_tree_the_best_path_is_taught() -> None:
    def message(own: str, parent: str | None, role: str, rank: int | None, **more: Any) -> Any:
        return {"message_id": own, "parent_id": parent, "text": f"text {own}", "role": role,
                "rank": rank, "lang": "en", "deleted": False, **more}  # fmt: skip

    rows = [
        message("a", None, "prompter", None),
        message("b", "a", "assistant", 0),
        message("c", "a", "assistant", 1),
        message("d", "b", "prompter", 0),
        message("e", "d", "assistant", 0),
        message("f", "gone", "assistant", 0),
        message("g", None, "prompter", None),
        message("h", "g", "assistant", 0, deleted=True),
    ]
    [made] = instances_of(rows)
    assert [text for _, text in _roles(made)] == ["text a", "text b", "text d", "text e"]
    assert sorted(refusals_of(rows)) == [
        (2, "not_preferred"), (5, "parent_missing"), (6, "conversation_without_answer"),
        (7, "flagged"),
    ]  # fmt: skip


def test_a_tree_that_goes_round_ends() -> None:
    row = {"message_id": "a", "parent_id": "a", "text": "x", "role": "assistant", "rank": 0}
    assert [type(made) for made in made_of([row])] == [RefusedRow]


def test_of_a_session_only_what_was_said_is_taught() -> None:
    use = {"type": "tool_use", "id": "t", "name": "Read", "input": {"path": "/home/me"}}
    result = {"type": "tool_result", "tool_use_id": "t", "content": "secret file"}
    lines = [
        ("u", user("Do it.")), ("a", assistant([{"type": "text", "text": "I look."}, use])),
        ("u", user([result])), ("a", assistant([{"type": "text", "text": "Done."}])),
    ]  # fmt: skip
    rows = [
        {"type": kind, "message": message, "uuid": str(at), "sessionId": "s",
         "parentUuid": str(at - 1) if at else None}
        for at, (kind, message) in enumerate(lines)
    ]  # fmt: skip
    [made] = instances_of(rows)
    assert _roles(made) == [("user", "Do it."), ("assistant", "Done.")]
    assert not instances_of([rows[0], *rows[2:]]), "a session with a gap"


def test_columns_keep_rows_out() -> None:
    marks: list[dict[str, Any]] = [
        {"toxic": True}, {"redacted": True}, {"lang": "de"}, {"language": "Spanish"},
        {"lang": "swa"}, {"llama_guard_2": "unsafe\nS1"}, {"status": "discarded"},
        {"openai_moderation": [{"flagged": False}, {"flagged": True}]}, {"train": False},
        {"is_correct": False}, {"score": 1}, {"finish_reason": "length"},
    ]  # fmt: skip
    fine = {
        "toxic": False, "redacted": False, "lang": "en", "language": "English", "score": 5,
        "llama_guard_2": "safe", "status": "submitted", "openai_moderation": [{"flagged": False}],
        "train": True, "is_correct": True, "finish_reason": "stop",
    }  # fmt: skip
    rows = [{"prompt": "p", "completion": "c", **fine, **mark} for mark in ({}, *marks)]
    refused = {row for row, _ in refusals_of(rows)}
    assert refused == set(range(1, len(rows)))
    spanish = [{"prompt": "p", "completion": "c", "language": "spa"}]
    assert instances_of(spanish, NativeRules(languages=("en", "es")))


def test_votes_are_no_scores() -> None:
    rows = [{"prompt": "p", "completion": "c", "score": n} for n in (1, 900, 3)]
    assert len(instances_of(rows)) == 3


def test_a_form_without_answers_gives_nothing() -> None:
    for name in ("web corpus", "people", "prompts"):
        _, rows = ROWS[name]
        assert all(isinstance(made, RefusedRow) for made in made_of(rows))


def test_a_ground_truth_answers_a_prompt() -> None:
    [made] = instances_of(ROWS["prompts with a truth"][1])
    assert (made.instruction, made.output) == ("1+1?", "2")
