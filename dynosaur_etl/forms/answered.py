"""Rules of forms that have their prompt and answer in columns of their own."""

from collections.abc import Mapping, Sequence
from typing import Any

from dynosaur_etl.domain.features import FieldKind, labels_of
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.forms import names as known
from dynosaur_etl.forms.cells import ground_truth, is_question, read_choices
from dynosaur_etl.forms.compared import compared
from dynosaur_etl.forms.dialogues import is_dialogue
from dynosaur_etl.forms.form import Form, FoundForm
from dynosaur_etl.forms.reasoning import has_thought, is_worked
from dynosaur_etl.forms.right_choice import first_number
from dynosaur_etl.forms.sampled import SampledRows, is_filled, is_long, roles_of
from dynosaur_etl.forms.turns import are_turns
from dynosaur_etl.forms.values import (
    Row,
    judged_truth,
    numbers_of,
    opened,
    structures,
    texts_of,
    truths_of,
)


def stepwise(sample: SampledRows) -> FoundForm | None:
    """Find a prompt and steps with labels."""
    prompt = sample.prompt(*known.STRONG_PROMPTS, *known.WEAK_PROMPTS)
    steps, labels = sample.first(("completions", "steps")), sample.first(("labels", "ratings"))
    fits = sample.holds(steps, _is_texts) and sample.holds(labels, _is_truths)
    if prompt and fits:
        return FoundForm(Form.STEPWISE, roles_of(prompt=prompt, completions=steps, labels=labels))
    return None


def _is_texts(value: Any) -> bool:
    return texts_of(value) is not None


def _is_truths(value: Any) -> bool:
    return truths_of(value) is not None


def preference(sample: SampledRows) -> FoundForm | None:
    """Find a chosen and a rejected answer, with a prompt or beginning alike."""
    chosen, rejected = _preferred(sample)
    if chosen is None or rejected is None:
        return compared(sample)
    roles = roles_of(chosen=chosen, rejected=rejected)
    if not all(sample.is_text(name) or sample.holds(name, _is_said) for name in roles.values()):
        return None
    prompt = sample.prompt(*known.STRONG_PROMPTS, *known.WEAK_PROMPTS)
    if sample.holds(chosen, is_dialogue) or (prompt is None and sample.holds(chosen, are_turns)):
        return FoundForm(Form.IMPLICIT_PREFERENCE, {**roles, **sample.extras})
    if prompt is not None:
        return FoundForm(Form.PREFERENCE, {"prompt": prompt, **roles, **sample.extras})
    if sample.others(chosen, rejected):
        return None
    return FoundForm(Form.IMPLICIT_PREFERENCE, roles, reason=Reason.NO_ANSWER, detail="no prompt")


def _preferred(sample: SampledRows) -> tuple[str | None, str | None]:
    pairs = ((sample.first((one,)), sample.first((two,))) for one, two in known.PREFERENCES)
    return next((pair for pair in pairs if None not in pair), (None, None))


def _is_said(value: Any) -> bool:
    return are_turns(value) or is_filled(value)


def generations(sample: SampledRows) -> FoundForm | None:
    """Find generations with flags of the same length."""
    prompt = sample.prompt(*known.WEAK_PROMPTS, *known.STRONG_PROMPTS)
    for name in known.GENERATIONS:
        column = sample.first((name,))
        if prompt and sample.holds(column, _is_texts) and _aligned(sample, str(column)):
            return FoundForm(
                Form.REASONING, roles_of(prompt=prompt, generations=column, **sample.extras)
            )
    return None


def _aligned(sample: SampledRows, column: str) -> bool:
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


def scored(sample: SampledRows) -> FoundForm | None:
    """Find a list of answers with scores, in it or in a list beside it."""
    prompt = sample.prompt(*known.STRONG_PROMPTS, *known.WEAK_PROMPTS)
    scores = sample.first(known.SCORE_LISTS)
    for name in known.SCORED_LISTS:
        column = sample.first((name,))
        if prompt and sample.holds(column, _is_scored_list):
            roles = roles_of(prompt=prompt, completions=column)
            return FoundForm(Form.SCORED_ANSWERS, {**roles, **sample.extras})
        is_beside = sample.holds(column, _is_texts) and sample.holds(scores, _is_numbers)
        if prompt and is_beside and known_flags(sample.rows, str(column), str(scores)):
            roles = roles_of(prompt=prompt, completions=column, scores=scores)
            return FoundForm(Form.SCORED_ANSWERS, {**roles, **sample.extras})
    return None


def _is_numbers(value: Any) -> bool:
    return numbers_of(value) is not None


def _is_scored_list(value: Any) -> bool:
    items = structures(value)
    return items is not None and all(
        any(key in item for key in known.SCORED_TEXTS)
        and any(key in item for key in known.SCORED_SCORES)
        for item in items
    )


def unpaired(sample: SampledRows) -> FoundForm | None:
    """Find a prompt, a completion and whether it is good."""
    prompt = sample.prompt(*known.STRONG_PROMPTS, *known.WEAK_PROMPTS)
    answer = sample.prompt(*known.STRONG_ANSWERS, *known.WEAK_ANSWERS)
    label = sample.first(("label", "is_preferred", "preferred", "is_good", "thumbs_up"))
    if prompt and answer and prompt != answer and label and _judges(sample, label, prompt, answer):
        if sample.others(prompt, answer) and answer.lower() in known.WEAK_ANSWERS:
            return None
        roles = roles_of(prompt=prompt, completion=answer, label=label)
        return FoundForm(Form.UNPAIRED_PREFERENCE, {**roles, **sample.extras})
    return None


def _judges(sample: SampledRows, label: str, prompt: str, answer: str) -> bool:
    """Return whether a label says that an answer is good.

    Numbers, texts and classes are believed only beside the names of TRL: elsewhere they may say
    anything.
    """
    kind = sample.kinds[label]
    if kind is FieldKind.BOOLEAN:
        return True
    if prompt.lower() not in known.STRONG_PROMPTS or answer.lower() not in known.STRONG_ANSWERS:
        return False
    if kind is FieldKind.LABEL:
        no, yes, *more = [name.lower() for name in labels_of(sample.features[label])] + ["", ""]
        return not any(more) and no in known.NO_LABELS and yes in known.YES_LABELS
    return sample.holds(label, _is_judged)


def _is_judged(value: Any) -> bool:
    return judged_truth(value) is not None


def choices(sample: SampledRows) -> FoundForm | None:
    """Find a question, its choices and the right one."""
    question, answer = sample.text(*known.CHOICE_QUESTIONS), sample.first(known.CHOICE_ANSWERS)
    if question is None or answer is None:
        return None
    choices = sample.first(known.CHOICE_LISTS)
    columns = _choice_columns(sample)
    if not sample.holds(choices, lambda value: read_choices(value) is not None):
        choices = None
    if choices is None and not columns:
        return None
    answers = [sample.names[n.lower()] for n in known.CHOICE_ANSWERS if n.lower() in sample.names]
    if sample.others(question, *answers, choices, *columns):
        return None
    roles = roles_of(prompt=question, choices=choices, completion=answer)
    if choices is None:
        roles |= {f"choice {at}": name for at, name in enumerate(columns)}
    return FoundForm(Form.CHOICES, roles, base=_base(sample, roles))


def _choice_columns(sample: SampledRows) -> list[str]:
    for group in known.CHOICE_COLUMNS:
        found = [name for name in group if name in sample.features]
        if len(found) >= 2:
            return found
    return []


def _base(sample: SampledRows, roles: Mapping[str, str]) -> int:
    """Return 1 where answers are numbers from 1 to the number of choices, else 0."""
    sizes = []
    for row in sample.rows:
        found = read_choices(row.get(roles.get("choices", "")))
        sizes.append(len(found[1]) if found else sum(key.startswith("choice ") for key in roles))
    return first_number((row.get(roles["completion"]) for row in sample.rows), max(sizes))


def thought_column(sample: SampledRows) -> FoundForm | None:
    """Find a question, a thought in its own column, and an answer."""
    prompt = sample.prompt(*known.WEAK_PROMPTS, *known.STRONG_PROMPTS)
    thought = sample.text(*known.THOUGHTS)
    answer = sample.text(*known.STRONG_ANSWERS, *known.WEAK_ANSWERS)
    if thought and (not sample.holds(thought, is_long) or thought.lower() == "rationale"):
        thought = None
    if not (prompt and thought and answer) or prompt == answer:
        return None
    if sample.others(prompt, thought, answer):
        return None
    roles = roles_of(prompt=prompt, reasoning=thought, completion=answer)
    return FoundForm(Form.REASONING, {**roles, **sample.extras})


def triple(sample: SampledRows) -> FoundForm | None:
    """Find instruction, input and output."""
    prompt = sample.text("instruction", "instructions")
    context = sample.text(*known.CONTEXTS)
    answer = sample.text(*known.STRONG_ANSWERS, *known.WEAK_ANSWERS)
    has_context = context is not None or sample.first(known.CONTEXTS) is not None
    if not (prompt and answer and has_context) or answer in (prompt, context):
        return None
    context = context or sample.first(known.CONTEXTS)
    roles = roles_of(prompt=prompt, input=context, completion=answer)
    return FoundForm(_with_thoughts(sample, answer, Form.TRIPLE), {**roles, **sample.extras})


def pair(sample: SampledRows) -> FoundForm | None:
    """Find a prompt and its completion."""
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
    roles = roles_of(prompt=prompt, completion=answer)
    return FoundForm(_pair_form(sample, answer), {**roles, **sample.extras})


def _pair_form(sample: SampledRows, answer: str) -> Form:
    scored = [name for name in sample.names if name in known.ATTRIBUTES]
    if len(scored) >= 2:
        return Form.SCORED_ANSWERS
    return _with_thoughts(sample, answer, Form.PAIR)


def _with_thoughts(sample: SampledRows, answer: str, form: Form) -> Form:
    is_reasoned = sample.holds(answer, lambda value: is_filled(value) and _is_reasoned(value))
    return Form.REASONING if is_reasoned else form


def _is_reasoned(text: str) -> bool:
    return has_thought(text) or is_worked(text)


def triplets(sample: SampledRows) -> FoundForm | None:
    """Find a query with a passage that fits and one that does not."""
    query = sample.text(*known.ANCHORS)
    positive, negative = sample.first(known.POSITIVES), sample.first(known.NEGATIVES)
    if not (query and positive and negative):
        return None
    roles = roles_of(prompt=query, completion=positive, rejected=negative)
    asks = sample.holds(query, is_question) and sample.is_text(positive)
    reason = None if asks else Reason.NO_ANSWER
    return FoundForm(Form.TRIPLETS, roles, reason=reason, detail="" if asks else "no questions")


def prompt_only(sample: SampledRows) -> FoundForm | None:
    """Find a prompt without an answer, or with a ground truth alone."""
    prompt = sample.prompt(*known.STRONG_PROMPTS)
    if prompt is None or any(not known.is_meta(name) for name in sample.kinds if name != prompt):
        return None
    truth = sample.first(("reward_model", "ground_truth", "answer", "solution"))
    if truth is not None and sample.holds(truth, lambda value: bool(ground_truth(value))):
        return FoundForm(
            Form.PROMPT_ONLY, roles_of(prompt=prompt, completion=truth, **sample.extras)
        )
    if truth is not None or any(k is FieldKind.LABEL for k in sample.kinds.values()):
        return None
    return FoundForm(
        Form.PROMPT_ONLY, {"prompt": prompt}, reason=Reason.NO_ANSWER, detail="prompts alone"
    )
