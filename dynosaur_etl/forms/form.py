"""The forms of instruction sets on the Hub, each with its rule, and what is found of a config.

Names of roles are those of TRL's dataset formats (huggingface/trl, docs/source/dataset_formats.md):
`messages`, `prompt`, `completion`, `chosen`, `rejected`, `label`, `tools`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from dynosaur_etl.domain.reasons import Reason

FORMS_VERSION = "forms-2"


class Form(StrEnum):
    """What the rows of a config are."""

    SHAREGPT = "sharegpt"
    MESSAGES = "messages"
    CONTENT_PARTS = "content_parts"
    TOOL_CALLING = "tool_calling"
    CALLS_IN_TEXT = "calls_in_text"
    TRIPLE = "triple"
    PAIR = "pair"
    PROMPT_ONLY = "prompt_only"
    PREFERENCE = "preference"
    IMPLICIT_PREFERENCE = "implicit_preference"
    SCORED_ANSWERS = "scored_answers"
    UNPAIRED_PREFERENCE = "unpaired_preference"
    TREE = "tree"
    REASONING = "reasoning"
    STEPWISE = "stepwise"
    CHOICES = "choices"
    TRACES = "traces"
    SWE = "swe"
    CORPUS = "corpus"
    TRIPLETS = "triplets"
    PEOPLE = "people"


FORM_RULES: dict[Form, str] = {
    Form.SHAREGPT: "a list of {from, value}; the answer is the last turn of the assistant",
    Form.MESSAGES: "a list of {role, content}; the answer is the last turn of the assistant",
    Form.CONTENT_PARTS: "messages whose content is a list of parts; parts of text are joined",
    Form.TOOL_CALLING: "messages with calls of tools; the answer is a text or a call",
    Form.CALLS_IN_TEXT: "calls written as text; the answer is the call or what the assistant says",
    Form.TRIPLE: "instruction, input and output",
    Form.PAIR: "a prompt and its completion",
    Form.PROMPT_ONLY: "a prompt; the answer is at most its ground truth",
    Form.PREFERENCE: "a prompt, a chosen and a rejected answer; only the chosen one is taught",
    Form.IMPLICIT_PREFERENCE: "dialogues that begin alike; the answer is the last of the chosen",
    Form.SCORED_ANSWERS: "answers with scores; the answer is the best one, if it is good",
    Form.UNPAIRED_PREFERENCE: "a prompt, a completion and whether it is good; only good ones",
    Form.TREE: "one message a row; the answer is the best reply to its parent",
    Form.REASONING: "a question, a thought and an answer, which are kept apart; only finished ones",
    Form.STEPWISE: "a prompt and steps with labels; the answer is all steps, if all are true",
    Form.CHOICES: "a question and its choices; the answer is the letter of the right one",
    Form.TRACES: "sessions of an agent; the answer is the last text of the assistant",
    Form.SWE: "a problem of a repository; the answer is the patch",
    Form.CORPUS: "texts and facts about where they stand; there is no answer",
    Form.TRIPLETS: "a query, a passage that fits and one that does not; only questions",
    Form.PEOPLE: "personal attributes of people; there is no task",
}
"""The rule of each form, for a reader."""

WITHOUT_ANSWER: dict[Form, Reason] = {
    Form.CORPUS: Reason.NO_ANSWER,
    Form.PEOPLE: Reason.PERSONAL_ATTRIBUTES,
}
"""Forms that never give an instance, and why."""

INSTRUCTIONS: dict[Form, str] = {
    Form.CALLS_IN_TEXT: (
        "Answer the request by calling the given functions; write the calls as JSON."
    ),
    Form.STEPWISE: "Solve the problem step by step.",
    Form.CHOICES: "Choose the right answer.",
    Form.SWE: "Write a patch that resolves the issue.",
    Form.TRIPLETS: "Answer the question.",
}
"""What is asked of forms whose rows hold no request of their own."""

WORKED = "Solve the problem step by step and end with #### and the answer."
"""What is asked where answers are worked solutions."""


@dataclass(frozen=True)
class FoundForm:
    """The form of a config.

    Attributes:
        roles: the field of each role.
        least: the lowest value of columns of scores with which a row is taught.
        base: the number of the first choice where an answer is a number.
        reason: why the config gives no instance; None where its rows do.
        detail: what was found, for a reader.
    """

    form: Form
    roles: Mapping[str, str]
    least: Mapping[str, float] = field(default_factory=dict)
    base: int = 0
    reason: Reason | None = None
    detail: str = ""

    @property
    def gives_instances(self) -> bool:
        return self.reason is None

    @property
    def words(self) -> str:
        """The form and its fields for a reader, such as `pair: prompt question, ...`."""
        named = ", ".join(f"{role} {name}" for role, name in self.roles.items())
        return f"{self.form}: {named}" if named else str(self.form)

    def to_json(self) -> dict[str, Any]:
        """Return it as the store keeps it."""
        return {
            "form": str(self.form),
            "roles": dict(self.roles),
            "least": dict(self.least),
            "base": self.base,
        }


def found_of(stored: Mapping[str, Any]) -> FoundForm:
    """Read what `FoundForm.to_json` gives."""
    return FoundForm(Form(stored["form"]), stored["roles"], stored["least"], stored["base"])
