"""From a row of each form to a draft: its conversation, and what was not preferred."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.forms import names as known
from dynosaur_etl.forms.cells import ground_truth, is_question, read_choices
from dynosaur_etl.forms.compared import decided
from dynosaur_etl.forms.dialogues import dialogue_turns, is_dialogue, without_marker
from dynosaur_etl.forms.form import INSTRUCTIONS, WORKED, Form, FoundForm
from dynosaur_etl.forms.guards import LEAST_SHARE, scale_of
from dynosaur_etl.forms.instances import NativeDraft
from dynosaur_etl.forms.reasoning import is_worked, split_thought
from dynosaur_etl.forms.right_choice import LETTERS, right_choice
from dynosaur_etl.forms.turns import (
    ASSISTANT,
    SYSTEM,
    USER,
    Refusal,
    Turn,
    calls_text,
    conversation,
    plain_text,
    read_calls,
    read_turns,
)
from dynosaur_etl.forms.values import (
    Row,
    judged_truth,
    number_of,
    numbers_of,
    opened,
    structures,
    text_of,
    texts_of,
    truths_of,
)


def draft_of(found: FoundForm, row: Row) -> NativeDraft:
    """Return what a row holds by the rule of its form; the tree's and traces' need other rows.

    Raises:
        Refusal: the row gives nothing, with the reason.
    """
    return _DRAFTS[found.form](found, row)


def _system(found: FoundForm, row: Row) -> str:
    name = found.roles.get("system")
    return without_marker(text_of(row.get(name))) if name else ""


def _tools(found: FoundForm, row: Row) -> str:
    """Return the tools of a row as JSON; empty where there are none."""
    name = found.roles.get("tools")
    if not name:
        return ""
    value = row.get(name)
    tools = opened(value)
    if isinstance(tools, list):
        tools = [opened(tool) for tool in tools]
    if not tools or not isinstance(tools, list | Mapping):
        return ""
    return value.strip() if isinstance(value, str) else json.dumps(tools, ensure_ascii=False)


def _prompt_turns(found: FoundForm, row: Row) -> list[Turn]:
    """Return the turns of the prompt, which is a text or a list of turns."""
    value = row.get(found.roles["prompt"])
    turns = read_turns(value) if structures(value) else [Turn(USER, text_of(value))]
    if not any(turn.role == USER and turn.content for turn in turns):
        raise Refusal(Reason.PROMPT_EMPTY)
    return turns


def _said(value: Any) -> list[Turn]:
    """Return the turns of an answer, which is a text or a list of turns."""
    if structures(value):
        return read_turns(value)
    text = text_of(value)
    if not text:
        raise Refusal(Reason.OUTPUT_EMPTY)
    return [Turn(ASSISTANT, text)]


def _answered(
    found: FoundForm, row: Row, prompt: Sequence[Turn], answer: Sequence[Turn]
) -> NativeDraft:
    return NativeDraft(conversation([*prompt, *answer], _system(found, row)), _tools(found, row))


def _instructed(instruction: str, request: str, answer: str, system: str = "") -> NativeDraft:
    """Return a draft of a request that says nothing of what is wanted, and an answer to it."""
    asked = Turn(USER, f"{instruction}\n\n{request}" if request else instruction)
    turns = conversation([asked, Turn(ASSISTANT, answer)], system)
    return NativeDraft(turns, parts=(instruction, request))


def _conversation(found: FoundForm, row: Row) -> NativeDraft:
    if "chat" in found.roles:
        turns = dialogue_turns(text_of(row.get(found.roles["chat"])))
    else:
        turns = read_turns(row.get(found.roles["messages"]))
    return NativeDraft(conversation(turns, _system(found, row)), _tools(found, row))


def _pair(found: FoundForm, row: Row) -> NativeDraft:
    prompt, answer = _prompt_turns(found, row), _said(row.get(found.roles["completion"]))
    return _answered(found, row, prompt, answer)


def _triple(found: FoundForm, row: Row) -> NativeDraft:
    instruction = text_of(row.get(found.roles["prompt"]))
    if not instruction:
        raise Refusal(Reason.PROMPT_EMPTY)
    context = text_of(row.get(found.roles["input"]))
    [answer] = _said(row.get(found.roles["completion"]))
    draft = _instructed(instruction, context, answer.content, _system(found, row))
    return draft._replace(tools=_tools(found, row))


def _reasoning(found: FoundForm, row: Row) -> NativeDraft:
    if "messages" in found.roles or "chat" in found.roles:
        return _conversation(found, row)
    if "generations" in found.roles:
        return _generated(found, row)
    if "input" in found.roles:
        return _triple(found, row)
    if is_worked(text_of(row.get(found.roles["completion"]))):
        return _asked(found, row, WORKED)
    draft = _pair(found, row)
    if "reasoning" not in found.roles:
        return draft
    thought = text_of(row.get(found.roles["reasoning"]))
    *before, last = draft.turns
    return draft._replace(turns=[*before, last._replace(thought=_bare(thought))])


def _asked(found: FoundForm, row: Row, instruction: str) -> NativeDraft:
    """Return the draft of a row whose prompt does not say what is wanted."""
    [*_, last] = _prompt_turns(found, row)
    [answer] = _said(row.get(found.roles["completion"]))
    return _instructed(instruction, last.content, answer.content, _system(found, row))


def _bare(thought: str) -> str:
    return thought.removeprefix("<think>").removesuffix("</think>").strip()


def _generated(found: FoundForm, row: Row) -> NativeDraft:
    """Take the first generation that every flag beside it calls complete and correct."""
    generations = texts_of(row.get(found.roles["generations"]))
    if generations is None:
        raise Refusal(Reason.FORM_BROKEN, "no list of generations")
    known_flags = (truths_of(value) for value in row.values())
    flags = [flag for flag in known_flags if flag is not None and len(flag) == len(generations)]
    if not flags:
        raise Refusal(Reason.REASONING_UNVERIFIED, "no flags")
    passed = (text for at, text in enumerate(generations) if all(flag[at] for flag in flags))
    verified = next(filter(_is_finished, passed), None)
    if verified is None:
        raise Refusal(Reason.REASONING_UNVERIFIED, "no generation is complete and correct")
    return _answered(found, row, _prompt_turns(found, row), [Turn(ASSISTANT, text_of(verified))])


def _is_finished(text: str) -> bool:
    try:
        return bool(split_thought(text)[1].strip())
    except Refusal:
        return False


def _stepwise(found: FoundForm, row: Row) -> NativeDraft:
    steps = texts_of(row.get(found.roles["completions"]))
    labels = truths_of(row.get(found.roles["labels"]))
    if steps is None or labels is None or len(steps) != len(labels):
        raise Refusal(Reason.FORM_BROKEN, "steps and labels do not match")
    if not all(labels):
        raise Refusal(Reason.NOT_PREFERRED, "a step is labelled false")
    [*_, last] = _prompt_turns(found, row)
    answer = "\n".join(filter(None, map(text_of, steps)))
    return _instructed(INSTRUCTIONS[Form.STEPWISE], last.content, answer, _system(found, row))


def _preference(found: FoundForm, row: Row) -> NativeDraft:
    found, row = decided(found, row)
    chosen, rejected = _said(row.get(found.roles["chosen"])), row.get(found.roles["rejected"])
    prompt = _prompt_turns(found, row)
    draft = _answered(found, row, prompt, _after(prompt, chosen))
    return _with_rejected(draft, row, _last_text(rejected))


def _after(prompt: Sequence[Turn], turns: Sequence[Turn]) -> Sequence[Turn]:
    """Return what follows the prompt of turns that repeat it, as those of ultrafeedback do."""
    is_whole = len(turns) > 1 and turns[0].role in (USER, SYSTEM)
    if not is_whole:
        return turns
    same = [turn.content for turn in turns[: len(prompt)]] == [turn.content for turn in prompt]
    return turns[len(prompt) :] if same else turns[-1:]


def _last_text(value: Any) -> str:
    """Return the last text of the assistant in a rejected answer; empty where there is none."""
    try:
        turns = dialogue_turns(value) if is_dialogue(value) else _said(value)
    except Refusal:
        return ""
    return plain_text(turns[-1]) if turns[-1].role == ASSISTANT else ""


def _implicit(found: FoundForm, row: Row) -> NativeDraft:
    found, row = decided(found, row)
    chosen, rejected = row.get(found.roles["chosen"]), row.get(found.roles["rejected"])
    turns = dialogue_turns(text_of(chosen)) if is_dialogue(chosen) else read_turns(chosen)
    if not turns or turns[-1].role != ASSISTANT or turns[-1].is_empty:
        raise Refusal(Reason.CONVERSATION_WITHOUT_ANSWER, "chosen does not end with an answer")
    draft = NativeDraft(conversation(turns, _system(found, row)), _tools(found, row))
    return _with_rejected(draft, row, _last_text(rejected))


def _with_rejected(draft: NativeDraft, row: Row, rejected: str) -> NativeDraft:
    """Add the rejected answer; the scores of both, where there are any, decide too."""
    for names in known.SCORE_PAIRS:
        chosen_score, rejected_score = (number_of(row.get(name)) for name in names)
        if chosen_score is None or rejected_score is None:
            continue
        if chosen_score < rejected_score:
            raise Refusal(Reason.NOT_PREFERRED, "the chosen answer has the lower score")
        if chosen_score == rejected_score:
            rejected = ""
    return draft._replace(rejected=rejected)


def _unpaired(found: FoundForm, row: Row) -> NativeDraft:
    label = judged_truth(row.get(found.roles["label"]))
    if label is not True:
        raise Refusal(Reason.NOT_PREFERRED, "label is false" if label is False else "no label")
    return _pair(found, row)


def _scored(found: FoundForm, row: Row) -> NativeDraft:
    if "completions" not in found.roles:
        return _pair(found, row)
    answers = _scored_answers(found, row)
    if not answers:
        raise Refusal(Reason.FORM_BROKEN, "no answer has a score")
    scale = scale_of([score for score, _ in answers]) or max(score for score, _ in answers)
    best, text = max(answers, key=lambda answer: answer[0])
    if best < LEAST_SHARE * _row_scale(scale):
        raise Refusal(Reason.SCORE_LOW, "no answer has a high score")
    worst, rejected = min(answers, key=lambda answer: answer[0])
    draft = _answered(found, row, _prompt_turns(found, row), _said(text))
    return draft._replace(rejected=rejected if worst < best else "")


def _row_scale(scale: float) -> float:
    """Read the few scores of one row as those of 5 at least: a best of 1 is low."""
    return max(scale, 5.0) if scale > 1 else scale


def _scored_answers(found: FoundForm, row: Row) -> list[tuple[float, str]]:
    value = row.get(found.roles["completions"])
    if "scores" not in found.roles:
        return _answers_with_scores(value)
    texts, scores = texts_of(value), numbers_of(row.get(found.roles["scores"]))
    if texts is None or scores is None or len(texts) != len(scores):
        raise Refusal(Reason.FORM_BROKEN, "answers and scores do not match")
    told = zip(scores, map(text_of, texts), strict=True)
    return [(score, text) for score, text in told if text]


def _answers_with_scores(value: Any) -> list[tuple[float, str]]:
    found = []
    for item in structures(value) or ():
        texts = (text_of(item.get(key)) for key in known.SCORED_TEXTS)
        scores = (number_of(item.get(key)) for key in known.SCORED_SCORES)
        text = next(filter(None, texts), "")
        score = next((score for score in scores if score is not None), None)
        if text and score is not None:
            found.append((score, text))
    return found


def _calls(found: FoundForm, row: Row) -> NativeDraft:
    if "chat" in found.roles:
        return _conversation(found, row)
    query, answer = text_of(row.get(found.roles["prompt"])), row.get(found.roles["completion"])
    tools = _tools(found, row)
    if not query or not tools:
        raise Refusal(Reason.PROMPT_EMPTY, "no query, or no tools")
    calls = read_calls(answer)
    if not calls:
        raise Refusal(Reason.OUTPUT_EMPTY, "no call")
    said = text_of(answer) or calls_text(calls)
    turns = [Turn(USER, query), Turn(ASSISTANT, said)]
    parts = (INSTRUCTIONS[found.form], f"tools: {tools}\nquery: {query}")
    return NativeDraft(conversation(turns, _system(found, row)), tools, parts=parts)


def _choices(found: FoundForm, row: Row) -> NativeDraft:
    question = text_of(row.get(found.roles["prompt"]))
    marks, texts = _choice_texts(found, row)
    if not question or not texts:
        raise Refusal(Reason.PROMPT_EMPTY, "no question, or no choices")
    at = right_choice(row.get(found.roles["completion"]), marks, texts, found.base)
    letters = marks or list(LETTERS[: len(texts)])
    listed = "\n".join(f"{mark}. {text}" for mark, text in zip(letters, texts, strict=True))
    return _instructed(INSTRUCTIONS[Form.CHOICES], f"{question}\n{listed}", letters[at])


def _choice_texts(found: FoundForm, row: Row) -> tuple[list[str], list[str]]:
    if "choices" in found.roles:
        marks, texts = read_choices(row.get(found.roles["choices"])) or ([], [])
    else:
        names = [name for role, name in found.roles.items() if role.startswith("choice ")]
        marks, texts = [], [text for name in names if (text := _choice_text(row.get(name)))]
    if not 2 <= len(texts) <= len(LETTERS):
        raise Refusal(Reason.FORM_BROKEN, f"{len(texts)} choices")
    return marks, [text_of(text) for text in texts]


def _choice_text(value: Any) -> str:
    return text_of(value) or ("" if value is None else str(value))


def _triplet(found: FoundForm, row: Row) -> NativeDraft:
    if not is_question(row.get(found.roles["prompt"])):
        raise Refusal(Reason.PROMPT_EMPTY, "the query asks nothing")
    return _asked(found, row, INSTRUCTIONS[Form.TRIPLETS])


def _swe(found: FoundForm, row: Row) -> NativeDraft:
    return _asked(found, row, INSTRUCTIONS[Form.SWE])


def _prompt_only(found: FoundForm, row: Row) -> NativeDraft:
    truth = ground_truth(row.get(found.roles.get("completion", "")))
    if not truth:
        raise Refusal(Reason.OUTPUT_EMPTY, "no ground truth")
    return _answered(found, row, _prompt_turns(found, row), [Turn(ASSISTANT, truth)])


def _nothing(found: FoundForm, _: Row) -> NativeDraft:
    raise Refusal(found.reason or Reason.NO_ANSWER, found.detail)


_DRAFTS: dict[Form, Callable[[FoundForm, Row], NativeDraft]] = {
    Form.SHAREGPT: _conversation,
    Form.MESSAGES: _conversation,
    Form.CONTENT_PARTS: _conversation,
    Form.TOOL_CALLING: _conversation,
    Form.CALLS_IN_TEXT: _calls,
    Form.TRIPLE: _triple,
    Form.PAIR: _pair,
    Form.PROMPT_ONLY: _prompt_only,
    Form.PREFERENCE: _preference,
    Form.IMPLICIT_PREFERENCE: _implicit,
    Form.SCORED_ANSWERS: _scored,
    Form.UNPAIRED_PREFERENCE: _unpaired,
    Form.TREE: _nothing,
    Form.REASONING: _reasoning,
    Form.STEPWISE: _stepwise,
    Form.CHOICES: _choices,
    Form.TRACES: _nothing,
    Form.SWE: _swe,
    Form.CORPUS: _nothing,
    Form.TRIPLETS: _triplet,
    Form.PEOPLE: _nothing,
}
