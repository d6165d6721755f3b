"""One chat completion of the demo: checks the request, answers it by rules, counts its tokens."""

import hashlib
import json
from typing import Any

from demo.llm_batches import CREATED
from demo.llm_compare import compare, is_comparing
from demo.llm_critic import criticise, is_criticising
from demo.llm_judge import is_judging, judge
from demo.llm_reading import Json, dig, read_offer
from demo.llm_rules import propose, write_answer
from demo.llm_tags import is_tagging, tag

MODEL = "dynosaur-demo-rules"
NOT_AN_LLM = "rule-based-demo-not-an-llm"
CHARACTERS_PER_TOKEN = 4


class ApiError(Exception):
    """An error that is answered in OpenAI's form."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers or {}
        self.body: Json = {
            "error": {
                "message": message,
                "type": "invalid_request_error",
                "param": param,
                "code": code,
            }
        }


def hash_request(body: Any) -> str:
    """SHA-256, in hex, of the request's canonical JSON: the order of its keys does not matter."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def check_model(name: object) -> None:
    """Refuse a model that is not the demo's; any name that begins with `dynosaur-demo` is."""
    if not isinstance(name, str) or not name.startswith("dynosaur-demo"):
        message = f"The model {name!r} does not exist; this server has {MODEL!r}."
        raise ApiError(404, message, code="model_not_found", param="model")


def complete(body: Any) -> Json:
    """The chat completion for a request body; the same body always gives the same completion.

    Raises:
        ApiError: The body is malformed or asks for what this server does not do.
    """
    _check(body)
    digest = hash_request(body)
    content = _content(body, digest)
    content, finish_reason = _cut(content.encode("utf-8", "replace").decode(), body)
    prompt = sum(3 + count_tokens(json.dumps(m.get("content"))) for m in body["messages"])
    completion = count_tokens(content)
    return {
        "id": "chatcmpl-demo-" + digest[:24],
        "object": "chat.completion",
        "created": CREATED,
        "model": body["model"],
        "system_fingerprint": NOT_AN_LLM,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": content, "refusal": None},
                "logprobs": None,
                "finish_reason": finish_reason,
            }
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0},
        },
    }


def count_tokens(text: str) -> int:
    """Tokens of a text, taken as one for every four characters begun."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def _content(body: Json, digest: str) -> str:
    if is_criticising(body):
        return criticise(body)
    if is_judging(body):
        return judge(body)
    if is_tagging(body):
        return tag(body)
    if is_comparing(body):
        return compare(body)
    return write_answer(propose(read_offer(body), digest), digest)


def _check(body: Any) -> None:
    if not isinstance(body, dict):
        raise ApiError(400, "The request body must be a JSON object.")
    check_model(body.get("model"))
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise ApiError(400, "'messages' must be a list that is not empty.", param="messages")
    if not all(isinstance(message, dict) and "role" in message for message in messages):
        raise ApiError(400, "Each message must be an object with a role.", param="messages")
    if body.get("stream"):
        raise ApiError(400, "This server does not stream.", param="stream")
    wants_json = dig(body, "response_format", "type") == "json_object"
    if wants_json and "json" not in json.dumps(messages).lower():
        text = "'messages' must contain the word 'json' to use 'response_format' 'json_object'."
        raise ApiError(400, text, param="messages")


def _cut(content: str, body: Json) -> tuple[str, str]:
    """The content within the request's limit of tokens, and the reason why it ends."""
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if not isinstance(limit, int) or count_tokens(content) <= limit:
        return content, "stop"
    return content[: max(0, limit) * CHARACTERS_PER_TOKEN], "length"
