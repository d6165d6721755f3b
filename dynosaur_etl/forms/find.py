"""Finding the form of a config from its features and sampled rows.

Each form has a rule over the columns: their names by role, and what sampled rows hold in them. The
rules are tried in one order, that of the surest first; a rule wants what it names in at least six
tenths of the rows. A name alone never makes a form of text that does not fit it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from dynosaur_etl.domain.features import FieldKind, element_of, fields_of
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.forms import names as known
from dynosaur_etl.forms.dialogues import is_call_chat, is_dialogue
from dynosaur_etl.forms.form import WITHOUT_ANSWER, Form, Found
from dynosaur_etl.forms.guards import least_scores
from dynosaur_etl.forms.reasoning import has_thought, is_worked
from dynosaur_etl.forms.turns import CONTENT_KEYS, ROLE_KEYS, Refusal, are_turns, read_turns
from dynosaur_etl.forms.values import (
    Row,
    holds_json,
    number_of,
    opened,
    structures,
    text_of,
    texts_of,
    truths_of,
)

LEAST_FITTING = 0.6
MOST_ROWS = 100
_SHORT_TEXT = 40
_QUESTION_WORDS = frozenset(
    {
        "who", "what", "when", "where", "which", "why", "how", "is", "are", "was", "were", "do",
        "does", "did", "can", "could", "should", "will",
    }
)  # fmt: skip


def find_form(features: Mapping[str, Any], rows: Sequence[Row]) -> Found | None:
    """Return the form of a config; None where it is none of an instruction set.

    Args:
        features: of the config, in their JSON form.
        rows: sampled rows, as `decoded_rows` gives them.
    """
    sample = Sample(features, rows[:MOST_ROWS])
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
        return not _ROLE_KEYS.isdisjoint(element) and not _CONTENT_KEYS.isdisjoint(element)
    return name.lower() in known.CONVERSATIONS and _is_text(feature)


def _is_text(feature: Any) -> bool:
    return isinstance(feature, Mapping) and "string" in str(feature.get("dtype"))


_ROLE_KEYS, _CONTENT_KEYS = frozenset(ROLE_KEYS), frozenset(CONTENT_KEYS)


class Sample:
    """The columns of a config, and what its sampled rows hold in them."""

    def __init__(self, features: Mapping[str, Any], rows: Sequence[Row]) -> None:
        self.features = features
        self.rows = rows
        self.names = {name.lower(): name for name in reversed(list(features))}
        self.kinds = {field.name: field.kind for field in fields_of(features)}

    def first(self, wanted: Sequence[str]) -> str | None:
        """Return the first of the wanted columns that is there."""
        return known.first_of(tuple(name.lower() for name in wanted), self.names)

    def holds(self, name: str | None, test: Callable[[Any], bool]) -> bool:
        """Return whether what rows hold in a column passes a test; nulls do not count."""
        if name is None:
            return False
        values = [row.get(name) for row in self.rows if row.get(name) is not None]
        return bool(values) and sum(map(test, values)) >= LEAST_FITTING * len(values)

    def text(self, *wanted: str) -> str | None:
        """Return the first of the wanted columns that holds texts."""
        found = (self.first((name,)) for name in wanted)
        return next((name for name in found if self.is_text(name)), None)

    def is_text(self, name: str | None) -> bool:
        """Return whether a column holds texts, and not the codes of labels."""
        return name is not None and self.kinds[name] is FieldKind.TEXT and self.holds(name, _filled)

    def prompt(self, *wanted: str) -> str | None:
        """Return the first of the wanted columns that holds texts or turns."""
        found = (self.first((name,)) for name in wanted)
        return next(
            (name for name in found if self.is_text(name) or self.holds(name, are_turns)), None
        )

    def others(self, *used: str | None) -> list[str]:
        """Return columns of content beside those that are used, whose names tell of no metadata."""
        return [
            name
            for name, kind in self.kinds.items()
            if name not in used
            and kind in (FieldKind.TEXT, FieldKind.TEXT_LIST, FieldKind.NESTED)
            and not known.is_meta(name)
            and name.lower() not in (*known.SYSTEMS, *known.THOUGHTS, *known.CONVERSATIONS)
        ]

    @cached_property
    def extras(self) -> dict[str, str]:
        """The columns of a system turn and of tools, by their roles."""
        found = {"system": self.text(*known.SYSTEMS), "tools": self.first(known.TOOLS)}
        return {role: name for role, name in found.items() if name is not None}


def _filled(value: Any) -> bool:
    return bool(text_of(value))


def _roles(**columns: str | None) -> dict[str, str]:
    return {role: name for role, name in columns.items() if name is not None}


def _tree(sample: Sample) -> Found | None:
    text = sample.text("text", "content", "message")
    role = sample.text("role")
    if {"message_id", "parent_id"} <= sample.names.keys() and text and role:
        roles = _roles(id=sample.names["message_id"], parent=sample.names["parent_id"])
        return Found(Form.TREE, {**roles, "role": role, "text": text})
    return None


def _traces(sample: Sample) -> Found | None:
    has = sample.names.keys()
    if {"harness", "messages"} <= has and sample.holds(sample.names["messages"], are_turns):
        return Found(Form.TRACES, {"messages": sample.names["messages"]})
    is_session = {"sessionid", "uuid"} <= has or {"harness", "id"} <= has
    if {"type", "message"} <= has and is_session:
        session = sample.names.get("sessionid") or sample.names.get("id")
        return Found(Form.TRACES, _roles(message=sample.names["message"], session=session))
    if {"type", "payload", "timestamp"} <= has:
        return Found(Form.TRACES, {"message": sample.names["payload"]})
    return None


def _swe(sample: Sample) -> Found | None:
    problem, patch = sample.text("problem_statement"), sample.text("patch", "gold_patch")
    if problem and patch:
        return Found(Form.SWE, {"prompt": problem, "completion": patch})
    return None


def _stepwise(sample: Sample) -> Found | None:
    prompt = sample.prompt(*known.STRONG_PROMPTS, *known.WEAK_PROMPTS)
    steps, labels = sample.first(("completions", "steps")), sample.first(("labels", "ratings"))
    fits = sample.holds(steps, _is_texts) and sample.holds(labels, _is_truths)
    if prompt and fits:
        return Found(Form.STEPWISE, _roles(prompt=prompt, completions=steps, labels=labels))
    return None


def _is_texts(value: Any) -> bool:
    return texts_of(value) is not None


def _is_truths(value: Any) -> bool:
    return truths_of(value) is not None


def _preference(sample: Sample) -> Found | None:
    chosen, rejected = sample.first(("chosen",)), sample.first(("rejected",))
    if chosen is None or rejected is None:
        return None
    roles = _roles(chosen=chosen, rejected=rejected)
    if not all(sample.is_text(name) or sample.holds(name, _is_said) for name in roles.values()):
        return None
    prompt = sample.prompt(*known.STRONG_PROMPTS, *known.WEAK_PROMPTS)
    if sample.holds(chosen, is_dialogue) or (prompt is None and sample.holds(chosen, are_turns)):
        return Found(Form.IMPLICIT_PREFERENCE, {**roles, **sample.extras})
    if prompt is not None:
        return Found(Form.PREFERENCE, {"prompt": prompt, **roles, **sample.extras})
    if sample.others(chosen, rejected):
        return None
    return Found(Form.IMPLICIT_PREFERENCE, roles, reason=Reason.NO_ANSWER, detail="no prompt")


def _is_said(value: Any) -> bool:
    return are_turns(value) or _filled(value)


def _generations(sample: Sample) -> Found | None:
    prompt = sample.prompt(*known.WEAK_PROMPTS, *known.STRONG_PROMPTS)
    for name in known.GENERATIONS:
        column = sample.first((name,))
        if prompt and sample.holds(column, _is_texts) and _aligned(sample, str(column)):
            return Found(Form.REASONING, _roles(prompt=prompt, generations=column, **sample.extras))
    return None


def _aligned(sample: Sample, column: str) -> bool:
    """Return whether a list of truth values of the same length stands beside a list of texts."""
    return any(
        sample.holds(name, _is_truths)
        for name in sample.features
        if name != column and known_flags(sample.rows, column, name)
    )


def known_flags(rows: Sequence[Row], column: str, name: str) -> bool:
    """Return whether a column's lists are as long as those of the column of generations."""
    pairs = [(opened(row.get(column)), opened(row.get(name))) for row in rows]
    lists = [(one, two) for one, two in pairs if isinstance(one, list) and isinstance(two, list)]
    return bool(lists) and all(len(one) == len(two) for one, two in lists)


def _scored(sample: Sample) -> Found | None:
    prompt = sample.prompt(*known.STRONG_PROMPTS, *known.WEAK_PROMPTS)
    for name in known.SCORED_LISTS:
        column = sample.first((name,))
        if prompt and sample.holds(column, _is_scored_list):
            roles = _roles(prompt=prompt, completions=column)
            return Found(Form.SCORED_ANSWERS, {**roles, **sample.extras})
    return None


def _is_scored_list(value: Any) -> bool:
    items = structures(value)
    return items is not None and all(
        any(key in item for key in known.SCORED_TEXTS)
        and any(key in item for key in known.SCORED_SCORES)
        for item in items
    )


def _unpaired(sample: Sample) -> Found | None:
    prompt = sample.prompt(*known.STRONG_PROMPTS, *known.WEAK_PROMPTS)
    answer = sample.prompt(*known.STRONG_ANSWERS, *known.WEAK_ANSWERS)
    label = sample.first(("label", "is_preferred", "preferred", "is_good", "thumbs_up"))
    is_truth = label is not None and sample.kinds[label] is FieldKind.BOOLEAN
    if prompt and answer and prompt != answer and is_truth:
        if sample.others(prompt, answer) and answer.lower() in known.WEAK_ANSWERS:
            return None
        roles = _roles(prompt=prompt, completion=answer, label=label)
        return Found(Form.UNPAIRED_PREFERENCE, {**roles, **sample.extras})
    return None


def _calls(sample: Sample) -> Found | None:
    query, answers = sample.text("query", "question", "prompt"), sample.first(("answers", "answer"))
    tools = sample.extras.get("tools")
    if query and tools and answers and sample.holds(answers, _are_calls):
        return Found(Form.CALLS_IN_TEXT, _roles(prompt=query, completion=answers, tools=tools))
    chat = sample.text("chat", "text", "conversation", "conversations", "dialogue")
    if chat and sample.holds(chat, is_call_chat):
        return Found(Form.CALLS_IN_TEXT, _roles(chat=chat, **sample.extras))
    return None


def _are_calls(value: Any) -> bool:
    items = structures(value)
    return items is not None and all("name" in item or "function" in item for item in items)


def _dialogue(sample: Sample) -> Found | None:
    """Find a dialogue that is written as one text, with `Human:` and `Assistant:`."""
    for name in ("text", "prompt", "chat", "dialogue", "conversation"):
        column = sample.text(name)
        if column and sample.holds(column, is_dialogue) and not sample.others(column):
            return Found(Form.MESSAGES, _roles(chat=column, **sample.extras))
    return None


def _conversation(sample: Sample) -> Found | None:
    listed = [name for name, kind in sample.kinds.items() if kind is not FieldKind.BOOLEAN]
    named = [sample.names[name] for name in known.CONVERSATIONS if name in sample.names]
    unnamed = [name for name in listed if name not in named and not _is_beside(name)]
    for column in [*named, *unnamed]:
        if sample.holds(column, are_turns) and _has_answers(sample, column):
            form = _conversation_form(sample, column)
            return Found(form, {"messages": column, **sample.extras})
    return None


def _is_beside(name: str) -> bool:
    """Return whether turns in such a column are only one side of what the row is."""
    sides = ("prompt", "chosen", "rejected", "completion", "response", "query", "input")
    return name.lower() in sides


def _has_answers(sample: Sample, column: str) -> bool:
    return sample.holds(
        column, lambda value: any(turn.role == "assistant" for turn in _turns(value))
    )


def _turns(value: Any) -> list[Any]:
    try:
        return read_turns(value)
    except Refusal:
        return []


def _conversation_form(sample: Sample, column: str) -> Form:
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


def _choices(sample: Sample) -> Found | None:
    question, answer = sample.text(*known.CHOICE_QUESTIONS), sample.first(known.CHOICE_ANSWERS)
    if question is None or answer is None:
        return None
    choices = sample.first(known.CHOICE_LISTS)
    columns = _choice_columns(sample)
    if not sample.holds(choices, lambda value: read_choices(value) is not None):
        choices = None
    if choices is None and not columns:
        return None
    if sample.others(question, answer, choices, *columns):
        return None
    roles = _roles(prompt=question, choices=choices, completion=answer)
    if choices is None:
        roles |= {f"choice {at}": name for at, name in enumerate(columns)}
    return Found(Form.CHOICES, roles, base=_base(sample, roles))


def _choice_columns(sample: Sample) -> list[str]:
    for group in known.CHOICE_COLUMNS:
        found = [name for name in group if name in sample.features]
        if len(found) >= 2:
            return found
    return []


def read_choices(value: Any) -> tuple[list[str], list[str]] | None:
    """Return the marks and texts of choices; marks are empty where they have none of their own."""
    texts = texts_of(value)
    if texts is not None:
        return [], texts
    items = structures(value)
    if items is None:
        return None
    texts = [
        str(next((i[k] for k in ("text", "content", "value", "choice") if k in i), ""))
        for i in items
    ]
    marks = [
        str(next((i[k] for k in ("label", "key", "letter", "id") if k in i), "")) for i in items
    ]
    return (marks, texts) if all(texts) and all(marks) else None


def _base(sample: Sample, roles: Mapping[str, str]) -> int:
    """Return 1 where answers are numbers from 1 to the number of choices, else 0."""
    numbers, sizes = [], []
    for row in sample.rows:
        number = number_of(row.get(roles["completion"]))
        found = read_choices(row.get(roles.get("choices", "")))
        sizes.append(len(found[1]) if found else sum(key.startswith("choice ") for key in roles))
        numbers += [] if number is None else [int(number)]
    if not numbers or min(numbers) < 1:
        return 0
    return int(max(numbers) == max(sizes))


def _thought_column(sample: Sample) -> Found | None:
    prompt = sample.prompt(*known.WEAK_PROMPTS, *known.STRONG_PROMPTS)
    thought = sample.text(*known.THOUGHTS)
    answer = sample.text(*known.STRONG_ANSWERS, *known.WEAK_ANSWERS)
    if thought and (not sample.holds(thought, _is_long) or thought.lower() == "rationale"):
        thought = None
    if not (prompt and thought and answer) or prompt == answer:
        return None
    if sample.others(prompt, thought, answer):
        return None
    roles = _roles(prompt=prompt, reasoning=thought, completion=answer)
    return Found(Form.REASONING, {**roles, **sample.extras})


def _is_long(value: Any) -> bool:
    return len(text_of(value)) >= _SHORT_TEXT


def _triple(sample: Sample) -> Found | None:
    prompt = sample.text("instruction", "instructions")
    context = sample.text(*known.CONTEXTS)
    answer = sample.text(*known.STRONG_ANSWERS, *known.WEAK_ANSWERS)
    has_context = context is not None or sample.first(known.CONTEXTS) is not None
    if not (prompt and answer and has_context) or answer in (prompt, context):
        return None
    context = context or sample.first(known.CONTEXTS)
    roles = _roles(prompt=prompt, input=context, completion=answer)
    return Found(_with_thoughts(sample, answer, Form.TRIPLE), {**roles, **sample.extras})


def _pair(sample: Sample) -> Found | None:
    prompt = sample.prompt(*known.STRONG_PROMPTS, *known.WEAK_PROMPTS)
    answer = sample.prompt(*known.STRONG_ANSWERS, *known.WEAK_ANSWERS)
    if answer is None or prompt is None or prompt == answer:
        return None
    solution = sample.text("solution")
    if answer.lower() == "answer" and solution is not None:
        answer = solution
    strong = prompt.lower() in known.STRONG_PROMPTS and answer.lower() in known.STRONG_ANSWERS
    used = (prompt, answer, sample.first(("answer",)) if solution else None)
    if not strong and sample.others(*used):
        return None
    roles = _roles(prompt=prompt, completion=answer)
    return Found(_pair_form(sample, answer), {**roles, **sample.extras})


def _pair_form(sample: Sample, answer: str) -> Form:
    scored = [name for name in sample.names if name in known.ATTRIBUTES]
    if len(scored) >= 2:
        return Form.SCORED_ANSWERS
    return _with_thoughts(sample, answer, Form.PAIR)


def _with_thoughts(sample: Sample, answer: str, form: Form) -> Form:
    is_reasoned = sample.holds(answer, lambda value: _filled(value) and _is_reasoned(value))
    return Form.REASONING if is_reasoned else form


def _is_reasoned(text: str) -> bool:
    return has_thought(text) or is_worked(text)


def _triplets(sample: Sample) -> Found | None:
    query = sample.text(*known.ANCHORS)
    positive, negative = sample.first(known.POSITIVES), sample.first(known.NEGATIVES)
    if not (query and positive and negative):
        return None
    roles = _roles(prompt=query, completion=positive, rejected=negative)
    asks = sample.holds(query, is_question) and sample.is_text(positive)
    reason = None if asks else Reason.NO_ANSWER
    return Found(Form.TRIPLETS, roles, reason=reason, detail="" if asks else "no questions")


def is_question(value: Any) -> bool:
    """Return whether a text asks something: it ends with a question mark, or begins so."""
    text = text_of(value)
    return text.endswith("?") or text.partition(" ")[0].lower() in _QUESTION_WORDS


def _prompt_only(sample: Sample) -> Found | None:
    prompt = sample.prompt(*known.STRONG_PROMPTS)
    if prompt is None or any(not known.is_meta(name) for name in sample.kinds if name != prompt):
        return None
    truth = sample.first(("reward_model", "ground_truth", "answer", "solution"))
    if truth is not None and sample.holds(truth, lambda value: bool(ground_truth(value))):
        return Found(Form.PROMPT_ONLY, _roles(prompt=prompt, completion=truth, **sample.extras))
    if truth is not None or any(k is FieldKind.LABEL for k in sample.kinds.values()):
        return None
    return Found(
        Form.PROMPT_ONLY, {"prompt": prompt}, reason=Reason.NO_ANSWER, detail="prompts alone"
    )


def ground_truth(value: Any) -> str:
    """Return the ground truth of a reward's structure, or a text itself; empty where it is none."""
    inner = opened(value)
    if isinstance(inner, Mapping):
        inner = inner.get("ground_truth", inner.get("answer"))
    if isinstance(inner, int | float) and not isinstance(inner, bool):
        return f"{inner:g}" if isinstance(inner, float) else str(inner)
    return text_of(inner)


def _people(sample: Sample) -> Found | None:
    attributes = [name for name in sample.names if name in known.PEOPLE_MARKS]
    has_id = not known.PEOPLE_IDS.isdisjoint(sample.names)
    prose = [
        name for name in sample.features if sample.is_text(name) and sample.holds(name, _is_long)
    ]
    if len(attributes) >= 2 and has_id and not prose:
        return Found(Form.PEOPLE, {}, detail=", ".join(attributes))
    return None


def _corpus(sample: Sample) -> Found | None:
    text = sample.text(*known.CORPUS_TEXTS)
    marks = [name for name in sample.names if name in known.CRAWL_MARKS]
    sure = known.SURE_CRAWL_MARKS.intersection(marks)
    content = [name for name in sample.others(text) if sample.holds(name, _is_long)]
    has_labels = any(kind is FieldKind.LABEL for kind in sample.kinds.values())
    if text and len(marks) >= 2 and sure and not content and not has_labels:
        return Found(Form.CORPUS, {"text": text}, detail=f"{text} with {', '.join(sorted(marks))}")
    return None


def _rules() -> Iterator[Callable[[Sample], Found | None]]:
    yield from (_tree, _traces, _swe, _stepwise, _preference, _generations, _scored, _unpaired)
    yield from (_calls, _choices, _conversation, _dialogue, _triple, _thought_column, _triplets)
    yield from (_pair, _people, _corpus, _prompt_only)


_RULES = tuple(_rules())
