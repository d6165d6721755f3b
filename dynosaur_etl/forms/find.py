"""Finding the form of a config from its features and sampled rows.

Each form has a rule over the columns: their names by role, and what sampled rows hold in them. The
rules are tried in one order, that of the surest first; a rule wants what it names in at least six
tenths of the rows. A name alone never makes a form of text that does not fit it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dynosaur_etl.domain.features import FieldKind, element_of
from dynosaur_etl.forms import names as known
from dynosaur_etl.forms.answered import (
    choices,
    generations,
    pair,
    preference,
    prompt_only,
    scored,
    stepwise,
    thought_column,
    triple,
    triplets,
    unpaired,
)
from dynosaur_etl.forms.dialogues import is_call_chat, is_dialogue
from dynosaur_etl.forms.form import WITHOUT_ANSWER, Form, FoundForm
from dynosaur_etl.forms.guards import least_scores
from dynosaur_etl.forms.reasoning import has_thought
from dynosaur_etl.forms.sampled import SampledRows, is_long, roles_of
from dynosaur_etl.forms.turns import (
    CONTENT_KEYS,
    EXCHANGES,
    ROLE_KEYS,
    Refusal,
    are_turns,
    have_answer,
    read_turns,
)
from dynosaur_etl.forms.values import (
    Row,
    holds_json,
    opened,
    structures,
)

MOST_ROWS = 100


def find_form(features: Mapping[str, Any], rows: Sequence[Row]) -> FoundForm | None:
    """Return the form of a config; None where it is none of an instruction set.

    Args:
        features: of the config, in their JSON form.
        rows: sampled rows, as `decoded_rows` gives them.
    """
    sample = SampledRows(features, rows[:MOST_ROWS])
    if not sample.rows:
        return None
    found = next((found for rule in _RULES if (found := rule(sample)) is not None), None)
    if found is None:
        return None
    scores = least_scores(sample.rows, [name for name in features if name not in found.roles])
    reason = found.reason or WITHOUT_ANSWER.get(found.form)
    return replace(found, least=scores, reason=reason)


def may_have_form(features: Mapping[str, Any]) -> bool:
    """Return whether the rows of such features may have a form, so that they have to be read.

    It is asked of configs whose fields alone are too few for a task.
    """
    return any(_may_be_turns(name, feature) for name, feature in features.items())


def _may_be_turns(name: str, feature: Any) -> bool:
    if holds_json(feature):
        return True
    element = element_of(feature)
    if isinstance(element, Mapping) and element.get("_type") is None:
        has_turns = not _ROLE_KEYS.isdisjoint(element) and not _CONTENT_KEYS.isdisjoint(element)
        return has_turns or any(element.keys() >= set(keys) for keys in EXCHANGES)
    return name.lower() in known.CONVERSATIONS and _is_text(feature)


def _is_text(feature: Any) -> bool:
    return isinstance(feature, Mapping) and "string" in str(feature.get("dtype"))


_ROLE_KEYS, _CONTENT_KEYS = frozenset(ROLE_KEYS), frozenset(CONTENT_KEYS)


def _tree(sample: SampledRows) -> FoundForm | None:
    text = sample.text("text", "content", "message")
    role = sample.text("role")
    if {"message_id", "parent_id"} <= sample.names.keys() and text and role:
        roles = roles_of(id=sample.names["message_id"], parent=sample.names["parent_id"])
        return FoundForm(Form.TREE, {**roles, "role": role, "text": text})
    return None


def _traces(sample: SampledRows) -> FoundForm | None:
    has = sample.names.keys()
    if {"harness", "messages"} <= has and sample.holds(sample.names["messages"], are_turns):
        return FoundForm(Form.TRACES, {"messages": sample.names["messages"]})
    is_session = {"sessionid", "uuid"} <= has or {"harness", "id"} <= has
    if {"type", "message"} <= has and is_session:
        session = sample.names.get("sessionid") or sample.names.get("id")
        return FoundForm(Form.TRACES, roles_of(message=sample.names["message"], session=session))
    if {"type", "payload", "timestamp"} <= has:
        return FoundForm(Form.TRACES, {"message": sample.names["payload"]})
    return None


def _swe(sample: SampledRows) -> FoundForm | None:
    problem, patch = sample.text("problem_statement"), sample.text("patch", "gold_patch")
    if problem and patch:
        return FoundForm(Form.SWE, {"prompt": problem, "completion": patch})
    return None


def _calls(sample: SampledRows) -> FoundForm | None:
    query, answers = sample.text("query", "question", "prompt"), sample.first(("answers", "answer"))
    tools = sample.extras.get("tools")
    if query and tools and answers and sample.holds(answers, _are_calls):
        return FoundForm(
            Form.CALLS_IN_TEXT, roles_of(prompt=query, completion=answers, tools=tools)
        )
    chat = sample.text("chat", "text", "conversation", "conversations", "dialogue")
    if chat and sample.holds(chat, is_call_chat):
        return FoundForm(Form.CALLS_IN_TEXT, roles_of(chat=chat, **sample.extras))
    return None


def _are_calls(value: Any) -> bool:
    items = structures(value)
    return items is not None and all("name" in item or "function" in item for item in items)


def _dialogue(sample: SampledRows) -> FoundForm | None:
    """Find a dialogue that is written as one text, with `Human:` and `Assistant:`."""
    for name in ("text", "prompt", "chat", "dialogue", "conversation"):
        column = sample.text(name)
        if column and sample.holds(column, is_dialogue) and not sample.others(column):
            return FoundForm(Form.MESSAGES, roles_of(chat=column, **sample.extras))
    return None


def _conversation(sample: SampledRows) -> FoundForm | None:
    listed = [name for name, kind in sample.kinds.items() if kind is not FieldKind.BOOLEAN]
    named = [sample.names[name] for name in known.CONVERSATIONS if name in sample.names]
    unnamed = [name for name in listed if name not in named and not _is_beside(name)]
    for column in [*named, *unnamed]:
        if sample.holds(column, are_turns) and sample.holds(column, have_answer):
            form = _conversation_form(sample, column)
            return FoundForm(form, {"messages": column, **sample.extras})
    return None


def _is_beside(name: str) -> bool:
    """Return whether turns in such a column are only one side of what the row is."""
    sides = ("prompt", "chosen", "rejected", "completion", "response", "query", "input")
    return name.lower() in sides


def _turns(value: Any) -> list[Any]:
    try:
        return read_turns(value)
    except Refusal:
        return []


def _conversation_form(sample: SampledRows, column: str) -> Form:
    items = [item for row in sample.rows for item in structures(row.get(column)) or ()]
    turns = [turn for row in sample.rows for turn in _turns(row.get(column))]
    answers = [turn for turn in turns if turn.role == "assistant"]
    if any(turn.calls or turn.role == "tool" for turn in turns) or "tools" in sample.extras:
        return Form.TOOL_CALLING
    if answers and 2 * sum(bool(t.thought) or has_thought(t.content) for t in answers) > len(
        answers
    ):
        return Form.REASONING
    if any(isinstance(opened(item.get("content")), list) for item in items):
        return Form.CONTENT_PARTS
    return Form.SHAREGPT if any("from" in item for item in items) else Form.MESSAGES


def _people(sample: SampledRows) -> FoundForm | None:
    attributes = [name for name in sample.names if name in known.PEOPLE_MARKS]
    has_id = not known.PEOPLE_IDS.isdisjoint(sample.names)
    prose = [
        name for name in sample.features if sample.is_text(name) and sample.holds(name, is_long)
    ]
    if len(attributes) >= 2 and has_id and not prose:
        return FoundForm(Form.PEOPLE, {}, detail=", ".join(attributes))
    return None


def _corpus(sample: SampledRows) -> FoundForm | None:
    text = sample.text(*known.CORPUS_TEXTS)
    marks = [name for name in sample.names if name in known.CRAWL_MARKS]
    sure = known.SURE_CRAWL_MARKS.intersection(marks)
    content = [name for name in sample.others(text) if sample.holds(name, is_long)]
    has_labels = any(kind is FieldKind.LABEL for kind in sample.kinds.values())
    if text and len(marks) >= 2 and sure and not content and not has_labels:
        return FoundForm(
            Form.CORPUS, {"text": text}, detail=f"{text} with {', '.join(sorted(marks))}"
        )
    return None


def _rules() -> Iterator[Callable[[SampledRows], FoundForm | None]]:
    yield from (_tree, _traces, _swe, stepwise, preference, generations, scored, unpaired)
    yield from (_calls, choices, _conversation, _dialogue, triple, thought_column, triplets)
    yield from (pair, _people, _corpus, prompt_only)


_RULES = tuple(_rules())
