"""The demo's stand-in for a critic: a task is valid unless one of its examples gives it away."""

import json
import re

from demo.llm_reading import Json, dig, schema_of, text_of

_OBJECT = re.compile(r"^\{.*\}$", re.MULTILINE)


def is_criticising(body: Json) -> bool:
    """Whether the answer is to be a verdict, with a field `valid`."""
    return dig(schema_of(body), "properties", "valid", "type") == "boolean"


def criticise(body: Json) -> str:
    """The verdict as JSON; the task is the first line of the request that is a JSON object."""
    found = _OBJECT.search(text_of(body, "user"))
    task = json.loads(found[0]) if found else {}
    instruction, outputs = task.get("instruction", ""), _outputs(task)
    if not outputs or "" in outputs:
        return _verdict("an example has no output", valid=False)
    if any(len(output) > 3 and output in instruction for output in outputs):
        return _verdict("the answer stands in the instruction", valid=False)
    return _verdict("each example has an output of its own", valid=True)


def _outputs(task: Json) -> list[str]:
    return [str(example.get("output", "")) for example in task.get("examples", [])]


def _verdict(reason: str, *, valid: bool) -> str:
    return json.dumps({"reason": reason, "valid": valid})
