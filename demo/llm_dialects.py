"""How other servers that speak chat completions differ from OpenAI's, for `--as`.

What each of them does, with the source of each fact, stands in docs/llm.md. A server here behaves
as one model on it did at that source; others of the same server may take more.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from demo.llm_completion import ApiError, count_tokens
from demo.llm_reading import Json, dig

THOUGHTS = "The reader wants tasks, so I look at the fields and choose two or three."
PARAMETERS = (
    "max_tokens", "max_completion_tokens", "temperature", "reasoning_effort", "strict",
    "json_schema", "json_object",
)  # fmt: skip


@dataclass(frozen=True)
class Refused:
    """The answer to a request that carries a parameter which is not taken."""

    status: int
    words: str


def _same(answer: Json) -> Json:
    return answer


@dataclass(frozen=True)
class Dialect:
    """What one kind of server makes of requests and answers.

    Attributes:
        refused: by the name of a parameter, or the type of `response_format`, in the order in
            which the server looks at them.
        error: writes an error; a text is sent as plain text.
        answer: rewrites a completion of OpenAI's form.
        ignored: parameters that are taken, and do nothing.
        list_prefix: of each name in the list of models.
        takes_batches: whether it has the Batch API.
    """

    refused: Mapping[str, Refused] = field(default_factory=dict)
    error: Callable[[ApiError], Json | list[Json] | str] = lambda error: error.body
    answer: Callable[[Json], Json] = _same
    ignored: Collection[str] = ()
    list_prefix: str = ""
    takes_batches: bool = False

    def check(self, body: Any) -> None:
        """Refuse a body that carries what the server does not take.

        Raises:
            ApiError: of the first such parameter.
        """
        carried = carried_parameters(body)
        for name, refused in self.refused.items():
            if name in carried:
                param = "response_format" if name.startswith("json_") else name
                code = "unsupported_parameter"
                raise ApiError(refused.status, refused.words, code=code, param=param)

    def understood(self, body: Any) -> Any:
        """Return the body without what the server does not read."""
        if not isinstance(body, dict):
            return body
        return {name: value for name, value in body.items() if name not in self.ignored}

    def refusing(self, names: Collection[str]) -> "Dialect":
        """Return the dialect with parameters that are refused in OpenAI's words."""
        words = "Unsupported parameter: '{}' is not supported with this model."
        more = {name: Refused(400, words.format(name)) for name in PARAMETERS if name in names}
        return replace(self, refused={**self.refused, **more})


def carried_parameters(body: Any) -> set[str]:
    """Return the names of a body's parameters, with the type of its `response_format`."""
    if not isinstance(body, dict):
        return set()
    schema = dig(body, "response_format", "json_schema")
    kind = dig(body, "response_format", "type")
    named = {*body, *(schema if isinstance(schema, dict) else ())}
    return {*named, kind} if isinstance(kind, str) else named


def _nested(error: ApiError, **changes: Any) -> Json:
    return {"error": {**error.body["error"], **changes}}


def _kind(error: ApiError) -> str:
    kinds = {400: "BadRequestError", 404: "NotFoundError", 401: "AuthenticationError"}
    return kinds.get(error.status, "InternalServerError")


def _vllm_error(error: ApiError) -> Json:
    return _nested(error, type=_kind(error), param=None, code=error.status)


def _sglang_error(error: ApiError) -> Json:
    words = {"message": str(error), "type": _kind(error), "param": None, "code": error.status}
    return {"object": "error", **words}


def _llamacpp_error(error: ApiError) -> Json:
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    return {"error": {"code": error.status, "message": str(error), "type": kind}}


def _ollama_error(error: ApiError) -> Json:
    kind = "not_found_error" if error.status == 404 else "invalid_request_error"
    return _nested(error, type=kind, param=None, code=None)


def _lmstudio_error(error: ApiError) -> Json:
    return {"error": str(error)}


def _tgi_error(error: ApiError) -> Json | str:
    if error.status == 422:
        return str(error)
    return {"error": str(error), "error_type": "validation"}


def _anthropic_error(error: ApiError) -> Json:
    kind = "not_found_error" if error.status == 404 else "invalid_request_error"
    about = {"type": kind, "message": str(error)}
    return {"type": "error", "error": about, "request_id": "req_demo"}


def _gemini_error(error: ApiError) -> list[Json]:
    status = "NOT_FOUND" if error.status == 404 else "INVALID_ARGUMENT"
    return [{"error": {"code": error.status, "message": str(error), "status": status}}]


def _with_message(answer: Json, **changes: Any) -> Json:
    [choice] = answer["choices"]
    return {**answer, "choices": [{**choice, "message": {**choice["message"], **changes}}]}


def _with_usage(answer: Json, thoughts: int, counted: bool = True) -> Json:
    """Add thoughts to what was generated; where they are not `counted`, only the total has them."""
    usage = answer["usage"]
    completion = usage["completion_tokens"] + (thoughts if counted else 0)
    total = usage["total_tokens"] + thoughts
    counts = {"prompt_tokens": usage["prompt_tokens"], "completion_tokens": completion}
    return {**answer, "usage": {**counts, "total_tokens": total}}


def _content(answer: Json) -> str:
    return str(answer["choices"][0]["message"]["content"])


def _vllm_answer(answer: Json) -> Json:
    thinking = {"reasoning": THOUGHTS, "reasoning_content": THOUGHTS, "tool_calls": []}
    return _with_usage(_with_message(answer, **thinking), count_tokens(THOUGHTS))


def _sglang_answer(answer: Json) -> Json:
    thinking = {"reasoning_content": THOUGHTS, "tool_calls": None}
    return _with_usage(_with_message(answer, **thinking), count_tokens(THOUGHTS))


def _llamacpp_answer(answer: Json) -> Json:
    words = f"Here are the tasks:\n```json\n{_content(answer)}\n```\n"
    return {**_with_message(answer, content=words), "timings": {"predicted_per_second": 31.4}}


def _ollama_answer(answer: Json) -> Json:
    return {**_with_usage(answer, 0), "system_fingerprint": "fp_ollama"}


def _lmstudio_answer(answer: Json) -> Json:
    words = f"<think>\n{THOUGHTS}\n</think>\n\n{_content(answer)}"
    return {**_with_message(answer, content=words), "stats": {}}


def _tgi_answer(answer: Json) -> Json:
    """Answer a schema as TGI's tools do: by a call, with the content null."""
    try:
        arguments: Any = json.loads(_content(answer))
    except ValueError:
        return _with_usage(answer, 0)
    called = {"name": "answer", "description": None, "arguments": arguments}
    call = {"id": "0", "type": "function", "function": called}
    return {**_with_message(answer, content=None, tool_calls=[call]), "usage": None}


def _anthropic_answer(answer: Json) -> Json:
    words = f"I've designed these tasks for you:\n\n```json\n{_content(answer)}\n```"
    return _with_usage(_with_message(answer, content=words), 0)


def _gemini_answer(answer: Json) -> Json:
    return _with_usage(answer, count_tokens(THOUGHTS), counted=False)


OPENAI = Dialect(takes_batches=True)

DIALECTS: Mapping[str, Dialect] = {
    "openai": OPENAI,
    "vllm": Dialect(error=_vllm_error, answer=_vllm_answer),
    "sglang": Dialect(error=_sglang_error, answer=_sglang_answer),
    "llamacpp": Dialect(
        refused={
            "json_schema": Refused(
                500,
                'response_format type must be one of "text" or "json_object", but got: json_schema',
            )
        },
        error=_llamacpp_error,
        answer=_llamacpp_answer,
        ignored={"reasoning_effort"},
    ),
    "ollama": Dialect(
        refused={
            "reasoning_effort": Refused(400, '"dynosaur-demo-rules" does not support thinking')
        },
        error=_ollama_error,
        answer=_ollama_answer,
        ignored={"max_completion_tokens"},
    ),
    "lmstudio": Dialect(
        refused={
            "json_object": Refused(400, "'response_format.type' must be 'json_schema' or 'text'")
        },
        error=_lmstudio_error,
        answer=_lmstudio_answer,
    ),
    "tgi": Dialect(
        refused={
            name: Refused(
                422,
                "Failed to deserialize the JSON body into the target type: response_format:"
                " missing field `value` at line 1 column 168",
            )
            for name in ("json_schema", "json_object")
        },
        error=_tgi_error,
        answer=_tgi_answer,
    ),
    "anthropic": Dialect(
        refused={"temperature": Refused(400, "`temperature` is deprecated for this model.")},
        error=_anthropic_error,
        answer=_anthropic_answer,
        ignored={"response_format", "reasoning_effort"},
    ),
    "gemini": Dialect(
        refused={
            "reasoning_effort": Refused(
                400, "Budget 0 is invalid. This model only works in thinking mode."
            )
        },
        error=_gemini_error,
        answer=_gemini_answer,
        list_prefix="models/",
    ),
}
