"""The demo's stand-in for an LLM: tasks for a dataset by rules from its field names.

The table RULES says it all: which fields a task reads, which one it writes, and how it is worded.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

from demo.llm_reading import Field, Json, Offer

MAX_TASKS = 3
ONE_FLAWED_IN = 8

Slot = Callable[[Field], bool]


@dataclass(frozen=True)
class Rule:
    """A kind of task: the fields that it reads, the field that it writes, its wordings.

    A wording names the inputs as {0} and {1}, the output as {output} or, with its article, as
    {an_output}, and the dataset as {subject}.
    """

    inputs: tuple[Slot, ...]
    output: Slot
    wordings: tuple[str, ...]


def named(*words: str) -> Slot:
    """Fields whose whole name, or the last word of it, is one of the words."""
    return lambda field: field.spoken in words or (bool(field.words) and field.words[-1] in words)


def label(field: Field) -> bool:
    return field.is_label or (not field.is_list and _LABEL_NAME(field))


def text(field: Field) -> bool:
    return field.is_text and not label(field)


def number(field: Field) -> bool:
    return field.is_number


QUESTION = named("question", "query", "problem")
PROBLEM = named("problem", "symptom", "fault", "issue")
CONTEXT = named("context", "passage", "paragraph", "background", "evidence")
ANSWER = named("answer", "reply", "response", "solution", "fix", "advice")
CHOICES = named("choices", "options", "candidates")
EXPLANATION = named("explanation", "rationale", "reason")
PREMISE = named("premise", "sentence1")
HYPOTHESIS = named("hypothesis", "sentence2")
PASSAGE = named("text", "sentence", "review", "tweet", "message", "utterance", "post", "note")
DOCUMENT = named("article", "document", "dialogue", "story", "report", "transcript")
SUMMARY = named("summary", "highlights", "abstract", "headline")
TITLE = named("title", "heading", "subject")
SOURCE = named("source", "complex", "original")
TARGET = named("target", "simple", "simplified")
MEANING = named("meaning representation", "mr")
REFERENCE = named("human reference", "reference", "ref")
CODE = named("code", "snippet", "function", "program")
COMMENT = named("comment", "docstring", "documentation")
PARTS = named("ingredients", "keywords", "concepts", "materials")
_LABEL_NAME = named(
    *("label", "sentiment", "emotion", "intent", "category", "topic", "section", "priority"),
    *("genre", "mood", "difficulty", "course", "stars", "rating"),
)

RULES: tuple[Rule, ...] = (
    Rule(
        (QUESTION, CONTEXT),
        ANSWER,
        (
            "Answer the {0} with the help of the {1}.",
            "Read the {1} and give the {output} to the {0} that it contains.",
            "Using only what the {1} says, answer the {0} from {subject}.",
        ),
    ),
    Rule(
        (QUESTION, CHOICES),
        ANSWER,
        (
            "Choose the right {output} to the {0} from the {1}.",
            "Solve this item of {subject}: pick the one of the {1} that answers the {0}.",
        ),
    ),
    Rule(
        (PREMISE, HYPOTHESIS),
        label,
        (
            "Decide how the {1} relates to the {0}.",
            "Given the {0} and the {1}, name the {output} that describes their relation.",
        ),
    ),
    Rule(
        (MEANING,),
        REFERENCE,
        (
            "Put the {0} into one fluent English sentence.",
            "Write a text for {subject} that says all that the {0} contains.",
        ),
    ),
    Rule(
        (SOURCE,),
        TARGET,
        (
            "Rewrite the {0} as {an_output} text with the same meaning.",
            "Turn the {0} of {subject} into its {output} version.",
        ),
    ),
    Rule(
        (DOCUMENT,),
        SUMMARY,
        (
            "Write a short {output} of the {0}.",
            "Condense the {0} from {subject} into {an_output} that keeps the main point.",
        ),
    ),
    Rule(
        (CODE,),
        COMMENT,
        (
            "Explain in {an_output} what the {0} does.",
            "Read the {0} and write the {output} that a careful programmer would put above it.",
        ),
    ),
    Rule(
        (PASSAGE,),
        label,
        (
            "Read the {0} and decide on its {output}.",
            "Classify the {0} from {subject} by its {output}.",
            "Name the {output} that goes best with the given {0}.",
        ),
    ),
    Rule(
        (PASSAGE,),
        ANSWER,
        (
            "Write a helpful {output} to the {0}.",
            "Somebody sent this {0} to the desk for {subject}. Draft the {output}.",
        ),
    ),
    Rule(
        (QUESTION, ANSWER),
        EXPLANATION,
        (
            "Explain why the {1} to the {0} is right.",
            "Give the {output} that leads from the {0} to the {1}.",
        ),
    ),
    Rule(
        (DOCUMENT,),
        TITLE,
        (
            "Suggest a fitting {output} for the {0}.",
            "Find {an_output} for this {0} from {subject}.",
        ),
    ),
    Rule(
        (DOCUMENT,),
        label,
        (
            "Read the {0} and name its {output}.",
            "Decide on the {output} of this {0} from {subject}.",
        ),
    ),
    Rule(
        (PARTS,),
        TITLE,
        (
            "Name the dish or work that is made from these {0}.",
            "Suggest {an_output} for an entry of {subject} that has these {0}.",
        ),
    ),
    Rule(
        (TITLE,),
        label,
        (
            "Decide from the {0} which {output} the entry belongs to.",
            "Name the {output} that fits the {0} of this entry in {subject}.",
        ),
    ),
    Rule(
        (COMMENT,),
        CODE,
        (
            "Write the {output} that does what the {0} says.",
            "Turn the {0} into working {output}.",
        ),
    ),
    Rule(
        (CONTEXT,),
        QUESTION,
        (
            "Ask {an_output} that can be answered from the {0}.",
            "Write {an_output} about the {0} as a reader of {subject} might put it.",
        ),
    ),
    Rule(
        (QUESTION,),
        label,
        (
            "Decide which {output} the {0} belongs to.",
            "Name the {output} of the {0} from {subject}.",
        ),
    ),
    Rule(
        (SUMMARY,),
        DOCUMENT,
        (
            "Write {an_output} that fits the {0}.",
            "Expand the {0} into a full {output} for {subject}.",
        ),
    ),
    Rule(
        (label,),
        PASSAGE,
        (
            "Write {an_output} of the given {0}.",
            "Invent {an_output} for {subject} that shows the given {0}.",
        ),
    ),
    Rule(
        (PROBLEM,),
        ANSWER,
        (
            "Write the {output} for somebody who has this {0}.",
            "What would a handbook on {subject} say about the {0}? Write its {output}.",
        ),
    ),
    Rule(
        (QUESTION,),
        ANSWER,
        (
            "Answer the {0}.",
            "Give a short {output} to the {0} from {subject}.",
        ),
    ),
    Rule(
        (number, number),
        number,
        (
            "Estimate the {output} from the {0} and the {1}.",
            "Given the {0} and the {1} of an entry in {subject}, predict the {output}.",
        ),
    ),
    Rule(
        (text,),
        label,
        (
            "Decide which {output} goes with the {0}.",
            "Name the {output} that belongs to the {0} in {subject}.",
        ),
    ),
    Rule(
        (text,),
        text,
        (
            "Given the {0}, write the {output} that belongs to it.",
            "Write the {output} of an entry in {subject} from its {0}.",
        ),
    ),
    Rule(
        (label,),
        text,
        (
            "Write {an_output} for an entry with the given {0}.",
            "Invent {an_output} for {subject} with the given {0}.",
        ),
    ),
)


def propose(offer: Offer, digest: str) -> list[Json]:
    """Up to three tasks for the dataset, each with another output.

    Parts of nested fields are used where the columns by themselves give no task.

    Args:
        offer: The dataset; its fields may be anything.
        digest: Hex digest of the request, which picks the wordings.
    """
    usable = [f for f in offer.fields if not (f.is_identifier or f.is_nested or f.is_empty)]
    columns = [f for f in usable if not f.is_part]
    return _tasks(offer, columns, digest) or _tasks(offer, usable, digest)


def _tasks(offer: Offer, fields: list[Field], digest: str) -> list[Json]:
    tasks: dict[str, Json] = {}
    for number_of_rule, rule in enumerate(RULES):
        chosen = _match(rule, fields)
        if chosen is None or chosen[-1].name in tasks:
            continue
        choice = int(digest[:8], 16) + number_of_rule
        wording = rule.wordings[choice % len(rule.wordings)]
        tasks[chosen[-1].name] = _task(wording, chosen, offer.subject)
        if len(tasks) == MAX_TASKS:
            break
    return list(tasks.values())


def _match(rule: Rule, fields: list[Field]) -> list[Field] | None:
    """The fields that fill the rule's inputs and, last, its output; None where one is wanting."""
    chosen: list[Field] = []
    for slot in (*rule.inputs, rule.output):
        is_output = len(chosen) == len(rule.inputs)
        free = [f for f in fields if f not in chosen and not (is_output and f.is_list)]
        fitting = [f for f in free if slot(f)]
        if not fitting:
            return None
        declared = [f for f in fitting if slot is label and f.is_label]
        chosen.append((declared or fitting)[0])
    return chosen


def _task(wording: str, chosen: list[Field], subject: str) -> Json:
    *inputs, output = chosen
    article = "an" if output.spoken.startswith(tuple("aeiou")) else "a"
    instruction = wording.format(
        *(f.spoken for f in inputs),
        output=output.spoken,
        an_output=f"{article} {output.spoken}",
        subject=subject,
    )
    return {
        "instruction": instruction,
        "input_fields": [f.name for f in inputs],
        "output_field": output.name,
    }


def write_answer(tasks: list[Json], digest: str) -> str:
    """The answer's text; roughly one in eight has a flaw, as the answers of real LLMs do."""
    if not tasks or int(digest[8:16], 16) % ONE_FLAWED_IN:
        return json.dumps({"tasks": tasks}, ensure_ascii=False)
    flaw = _FLAWS[int(digest[16:24], 16) % len(_FLAWS)]
    return flaw(tasks)


def _missing_field(tasks: list[Json]) -> str:
    *sound, last = tasks
    broken = {**last, "input_fields": [*last["input_fields"], "additional_notes_of_author"]}
    return json.dumps({"tasks": [*sound, broken]}, ensure_ascii=False)


def _overlap(tasks: list[Json]) -> str:
    *sound, last = tasks
    broken = {**last, "input_fields": [*last["input_fields"], last["output_field"]]}
    return json.dumps({"tasks": [*sound, broken]}, ensure_ascii=False)


def _two_outputs(tasks: list[Json]) -> str:
    *sound, last = tasks
    broken = {**last, "output_field": [last["output_field"], last["input_fields"][0]]}
    return json.dumps({"tasks": [*sound, broken]}, ensure_ascii=False)


def _prose(tasks: list[Json]) -> str:
    answer = json.dumps({"tasks": tasks}, ensure_ascii=False)
    return f"Certainly! These tasks suit the dataset:\n\n{answer}\n\nI hope that they help."


_FLAWS: tuple[Callable[[list[Json]], str], ...] = (_missing_field, _overlap, _two_outputs, _prose)
