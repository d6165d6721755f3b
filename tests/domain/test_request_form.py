"""What follows from a server's refusal, in the words of many servers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynosaur_etl.domain.request_form import (
    FIRST_FORM,
    LIMIT_NAMES,
    AnswerFormat,
    Effort,
    RequestForm,
    ServerRefusal,
)

CODE = ("unsupported_parameter",)

ABOUT = [
    (ServerRefusal("Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                   "'max_completion_tokens' instead.", "max_tokens", CODE),
     {"limit": "max_completion_tokens"}),
    (ServerRefusal("no", "max_tokens", CODE), {"limit": "max_completion_tokens"}),
    (ServerRefusal("'temperature' does not support 0 with this model. Only the default (1) is.",
                   "temperature", ("unsupported_value",)), {"temperature": False}),
    (ServerRefusal("bad", "temperature"), {"temperature": False}),
    (ServerRefusal("Unsupported value: 'none'. Supported values are: 'minimal', 'low' and 'high'.",
                   "reasoning_effort", ("unsupported_value",)),
     {"efforts": ("minimal", "low", "high")}),
    (ServerRefusal("Unrecognized request argument supplied: reasoning_effort"), {"effort": False}),
    (ServerRefusal('[{"loc":["body","reasoning_effort"],"type":"extra_forbidden"}]'),
     {"effort": False}),
    (ServerRefusal('Invalid JSON payload received. Unknown name "reasoning_effort":'
                   ' Cannot find field.'),
     {"effort": False}),
    (ServerRefusal("This response_format type is unavailable now"),
     {"answer_format": AnswerFormat.JSON_OBJECT}),
    (ServerRefusal("This model does not support response format `json_schema`."),
     {"answer_format": AnswerFormat.JSON_OBJECT}),
    (ServerRefusal('"qwen2.5" does not support thinking'), {"effort": False}),
    (ServerRefusal('think value "medium" is not supported for this model'), {"effort": False}),
    (ServerRefusal("invalid reasoning value: 'none' (must be \"high\", \"medium\" or \"low\")"),
     {"efforts": ("low", "medium", "high")}),
    (ServerRefusal("Budget 0 is invalid. This model only works in thinking mode."),
     {"effort": False}),
    (ServerRefusal("temperature is not supported by qwen3-thinking"), {"temperature": False}),
    (ServerRefusal("'response_format.type' must be 'json_schema' or 'text'"),
     {"answer_format": AnswerFormat.JSON_OBJECT}),
    (ServerRefusal("Failed to deserialize the JSON body into the target type:"
                   " response_format: missing"
                   " field `value` at line 1 column 168"),
     {"answer_format": AnswerFormat.JSON_OBJECT}),
    (ServerRefusal('response_format type must be one of "text" or "json_object", but'
                   ' got: json_schema'),
     {"answer_format": AnswerFormat.JSON_OBJECT}),
    (ServerRefusal("no such", "response_format", CODE),
     {"answer_format": AnswerFormat.JSON_OBJECT}),
    (ServerRefusal("structured output is not implemented"),
     {"answer_format": AnswerFormat.JSON_OBJECT}),
    (ServerRefusal("Extra inputs are not permitted: response_format.json_schema.strict"),
     {"strict": False}),
    (ServerRefusal("no", "response_format.json_schema.strict", CODE), {"strict": False}),
    (ServerRefusal("temperature and max_tokens are not supported"),
     {"temperature": False, "limit": "max_completion_tokens"}),
]  # fmt: skip


@pytest.mark.parametrize(("refusal", "changes"), ABOUT)
def test_the_form_leaves_out_what_was_refused(
    refusal: ServerRefusal, changes: dict[str, object]
) -> None:
    form = FIRST_FORM.without(refusal)
    assert form is not None
    for name in ("limit", "temperature", "effort", "efforts", "answer_format", "strict"):
        assert getattr(form, name) == changes.get(name, getattr(FIRST_FORM, name)), name
    assert form.refused


@pytest.mark.parametrize(
    "refusal",
    [
        ServerRefusal("status 400"),
        ServerRefusal("This model's maximum context length is 8192 tokens, you asked for 9000 with "
                      "max_tokens. Unsupported.", "max_tokens"),
        ServerRefusal("max_tokens is too large: 5000. The model supports at most"
                      " 4096", "max_tokens"),
        ServerRefusal("The prompt was flagged and is not allowed"),
        ServerRefusal("Unknown model"),
        ServerRefusal("max_completion_tokens is not supported"),
        ServerRefusal(""),
    ],
)  # fmt: skip
def test_a_request_that_is_at_fault_itself_changes_nothing(refusal: ServerRefusal) -> None:
    assert FIRST_FORM.without(refusal) is None


def test_a_schema_is_given_up_step_by_step() -> None:
    refusal = ServerRefusal("no", "response_format", CODE)
    first = FIRST_FORM.without(refusal)
    assert first is not None
    second = first.without(refusal)
    assert second is not None
    assert second.answer_format == AnswerFormat.WORDED
    assert second.without(refusal) is None


def test_an_effort_that_no_value_pleases_is_left_out() -> None:
    values = ServerRefusal("Supported values: 'low', 'high'", "reasoning_effort", CODE)
    listed = FIRST_FORM.without(values)
    assert listed is not None
    assert listed.sent_effort(Effort.NONE) == "low"
    assert listed.sent_effort(Effort.MEDIUM) == "high"
    none = listed.without(ServerRefusal("Supported values: 'high'", "reasoning_effort", CODE))
    assert none is not None
    assert none.sent_effort(Effort.HIGH) is None


def test_two_limits_that_are_refused_leave_nothing_to_try() -> None:
    form: RequestForm | None = FIRST_FORM
    for name in LIMIT_NAMES:
        assert form is not None
        form = form.without(ServerRefusal("unsupported", name, CODE))
    assert form is None


WORDS = st.lists(
    st.sampled_from(["max_tokens", "temperature", "unsupported", "'low'", "strict", "json_schema",
                     "max_completion_tokens", "reasoning_effort", "use", "instead", "not", "x"])
).map(" ".join)  # fmt: skip


@given(st.lists(st.tuples(WORDS, WORDS | st.none(), st.lists(st.sampled_from(CODE))), max_size=30))
def test_refusals_come_to_an_end(refusals: list[tuple[str, str | None, list[str]]]) -> None:
    """A server that refuses for ever is asked a handful of times."""
    form, adapted = FIRST_FORM, 0
    for message, param, codes in refusals:
        following = form.without(ServerRefusal(message, param, tuple(codes)))
        if following is not None:
            adapted += 1
            assert following != form
            form = following
    assert adapted <= 8
