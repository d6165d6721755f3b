"""The demo's stand-in for a critic: a task is valid unless one of its examples gives it away."""

import json
import re

from demo.llm_reading import Json, dig, schema_of, text_of

LABEL_LIST = " Answers must be one of "
"""What follows in an instruction lists all answers that are allowed, and gives none away."""
_OBJECT = re.compile(r"^\{.*\}$", re.MULTILINE)


def is_criticising(body: Json) -> bool:
    """Whether the answer is to hold verdicts, each with a field `valid`."""
    verdict = dig(schema_of(body), "properties", "verdicts", "items", "properties", "valid")
    return dig(verdict, "type") == "boolean"


def criticise(body: Json) -> str:
    """The verdicts as JSON; the tasks are in the request's first line that is a JSON object."""
    found = _OBJECT.search(text_of(body, "user"))
    tasks = json.loads(found[0]).get("tasks", []) if found else []
    verdicts = [_verdict(task) for task in tasks if isinstance(task, dict)]
    return json.dumps({"verdicts": verdicts})


def _verdict(task: Json) -> Json:
    instruction = str(task.get("instruction", "")).partition(LABEL_LIST)[0]
    outputs = _outputs(task)
    if not outputs or "" in outputs:
        reason, valid = "an example has no output", False
    elif any(len(output) > 3 and output in instruction for output in outputs):
        reason, valid = "the answer stands in the instruction", False
    else:
        reason, valid = "each example has an output of its own", True
    return {"task": task.get("task"), "reason": reason, "valid": valid}


def _outputs(task: Json) -> list[str]:
    return [str(example.get("output", "")) for example in task.get("examples", [])]
