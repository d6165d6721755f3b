"""Rows of an instruction set become instances, and the conversations that they are.

The same is kept out of them as of others: texts of evaluation sets, personal data and keys.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from dynosaur_etl.domain.models import Config, Task
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.domain.schemas import CONVERSATIONS, INSTANCES, TURN
from dynosaur_etl.domain.text import shorten
from dynosaur_etl.forms.form import Form, FoundForm
from dynosaur_etl.forms.instances import NativeInstance, NativeRules
from dynosaur_etl.forms.native import native_instances
from dynosaur_etl.forms.turns import Call, Turn
from dynosaur_etl.forms.values import decoded_rows
from dynosaur_etl.instances.contamination import EvaluationIndex, find_matches
from dynosaur_etl.instances.organise import LONGEST_DETAIL, mixed_keys
from dynosaur_etl.instances.pii import Handling, Span, masked, rows_with_pii
from dynosaur_etl.instances.row_marks import Rejected, other_languages

NATIVE_VERSION = "native-1"
JOINED = frozenset({Form.TREE, Form.TRACES})
"""Forms whose conversations stand in several rows, which have to be read together."""


@dataclass(frozen=True)
class NativeFilling:
    """How rows of instruction sets become instances.

    Attributes:
        evaluation: what instances must not share words with; None where nothing is named.
        pii: what becomes of instances with personal data or keys.
        languages: that the texts may be written in; None where the texts do not decide.
    """

    rules: NativeRules
    evaluation: EvaluationIndex | None = None
    pii: Handling = Handling.FLAG
    languages: tuple[str, ...] | None = None


@dataclass(frozen=True)
class NativeRows:
    """Instances and their conversations, in the order of the rows, and the rows that give none."""

    instances: pa.Table
    conversations: pa.Table
    rejected: Rejected = field(default_factory=Counter)


@dataclass(frozen=True)
class _Kept:
    """Instances on their way, and the kinds of personal data in each."""

    made: list[NativeInstance]
    pii: list[str]
    rejected: Rejected


def fill_native(
    task: Task,
    config: Config,
    form: FoundForm,
    batches: Iterable[pa.Table],
    filling: NativeFilling,
    day: str,
) -> Iterator[NativeRows]:
    """Fill a native task with rows of its config, one batch after the other.

    Args:
        task: of the config.
        config: where the rows come from.
        form: of the config.
        batches: all columns of the config, `__split__` and `__row__`; of a form in `JOINED` one
            batch with all rows.
        filling: the rules, and what is kept out.
        day: the growth day that the instances are marked with.
    """
    for batch in batches:
        rows = decoded_rows(config.features, batch.select(list(config.features)).to_pylist())
        made, rejected = _parted(form, rows, filling.rules)
        kept = _Kept(made, [""] * len(made), rejected)
        for step in (_without_other_languages, _without_evaluation, _without_pii):
            kept = step(kept, filling)
        keys = pa.array(_keys(kept.made), pa.string())
        instances = _instances(task, kept, keys, batch, day)
        yield NativeRows(instances, _conversations(kept.made, keys), kept.rejected)


def _parted(
    form: FoundForm, rows: Sequence[dict[str, object]], rules: NativeRules
) -> tuple[list[NativeInstance], Rejected]:
    made: list[NativeInstance] = []
    rejected: Rejected = Counter()
    for one in native_instances(form, rows, rules):
        if isinstance(one, NativeInstance):
            made.append(one)
        else:
            rejected[one.reason, shorten(one.detail, LONGEST_DETAIL)] += 1
    return made, rejected


def _without_other_languages(kept: _Kept, filling: NativeFilling) -> _Kept:
    if filling.languages is None:
        return kept
    said = (f"{one.instruction}\n{one.output}" for one in kept.made)
    return _without(kept, other_languages(said, filling.languages))


def _without_evaluation(kept: _Kept, filling: NativeFilling) -> _Kept:
    if filling.evaluation is None or not kept.made:
        return kept
    matches = find_matches(filling.evaluation, _asked(kept.made), _answers(kept.made))
    found = {m.row: (Reason.IN_EVALUATION, f"{m.source}: {m.words}") for m in matches}
    return _without(kept, found)


def _without_pii(kept: _Kept, filling: NativeFilling) -> _Kept:
    return _PII_STEPS[filling.pii](kept)


def _flagged(kept: _Kept) -> _Kept:
    kinds = _pii_kinds(kept.made)
    return replace(kept, pii=[kinds.get(row, "") for row in range(len(kept.made))])


def _masked(kept: _Kept) -> _Kept:
    kinds = _pii_kinds(kept.made)
    made = [_mask(one) if row in kinds else one for row, one in enumerate(kept.made)]
    return _Kept(made, [kinds.get(row, "") for row in range(len(made))], kept.rejected)


def _dropped(kept: _Kept) -> _Kept:
    kinds = _pii_kinds(kept.made)
    return _without(kept, {row: (Reason.PERSONAL_DATA, words) for row, words in kinds.items()})


_PII_STEPS: dict[Handling, Callable[[_Kept], _Kept]] = {
    Handling.OFF: lambda kept: kept,
    Handling.FLAG: _flagged,
    Handling.MASK: _masked,
    Handling.DROP: _dropped,
}


def _without(kept: _Kept, gone: dict[int, tuple[Reason, str]]) -> _Kept:
    if not gone:
        return kept
    left = [row for row in range(len(kept.made)) if row not in gone]
    words = ((reason, shorten(detail, LONGEST_DETAIL)) for reason, detail in gone.values())
    return _Kept(
        [kept.made[row] for row in left],
        [kept.pii[row] for row in left],
        kept.rejected + Counter(words),
    )


def _pii_kinds(made: Sequence[NativeInstance]) -> dict[int, str]:
    """Name what each instance holds in any of its texts, sorted."""
    kinds: dict[int, set[str]] = {}
    for row, spans in rows_with_pii(pa.array(map(_all_texts, made), pa.string())).items():
        kinds.setdefault(row, set()).update(span.kind for span in spans)
    return {row: ", ".join(sorted(names)) for row, names in kinds.items()}


def _all_texts(one: NativeInstance) -> str:
    calls = (call.arguments for turn in one.messages for call in turn.calls)
    said = (turn.content for turn in one.messages)
    return "\n\n".join([one.instruction, one.input, *said, *calls, one.reasoning, one.rejected])


def _mask(one: NativeInstance) -> NativeInstance:
    texts = [one.instruction, one.input, one.output, one.reasoning, one.rejected, one.tools]
    instruction, given, output, reasoning, rejected, tools = _mask_texts(texts)
    return NativeInstance(
        one.row, instruction, given, output, tuple(map(_mask_turn, one.messages)), tools,
        reasoning, rejected,
    )  # fmt: skip


def _mask_turn(turn: Turn) -> Turn:
    content, thought, *arguments = _mask_texts(
        [turn.content, turn.thought, *(call.arguments for call in turn.calls)]
    )
    calls = tuple(
        Call(call.name, text, call.id) for call, text in zip(turn.calls, arguments, strict=True)
    )
    return turn._replace(content=content, thought=thought, calls=calls)


def _mask_texts(texts: Sequence[str]) -> list[str]:
    found: dict[int, list[Span]] = rows_with_pii(pa.array(texts, pa.string()))
    return [masked(text, found[at]) if at in found else text for at, text in enumerate(texts)]


def _asked(made: Sequence[NativeInstance]) -> pa.Array:
    return pa.array([f"{one.instruction}\n\n{one.input}" for one in made], pa.string())


def _answers(made: Sequence[NativeInstance]) -> pa.Array:
    return pa.array([one.output for one in made], pa.string())


def _instances(task: Task, kept: _Kept, keys: pa.Array, batch: pa.Table, day: str) -> pa.Table:
    made, count = kept.made, len(kept.made)
    constants = {
        "task_key": task.key,
        "dataset": task.dataset_id,
        "revision": task.revision,
        "config": task.config,
        "licence": task.licence,
        "mode": str(task.mode),
        "prompt_version": task.prompt_version,
        "growth_day": day,
    }
    columns = {
        name: pa.repeat(pa.scalar(value, pa.string()), count) for name, value in constants.items()
    }
    places = pa.array([one.row for one in made], pa.int64())
    columns |= {
        "instance_key": keys,
        "instruction": pa.array([one.instruction for one in made], pa.string()),
        "input": pa.array([one.input for one in made], pa.string()),
        "output": _answers(made),
        "pii": pa.array(kept.pii, pa.string()),
        "split": batch["__split__"].take(places),
        "row": batch["__row__"].take(places),
    }
    return pa.table([columns[name] for name in INSTANCES.names], schema=INSTANCES)


def _keys(made: Sequence[NativeInstance]) -> list[str]:
    return mixed_keys((one.instruction, one.input, one.output) for one in made)


def _conversations(made: Sequence[NativeInstance], keys: pa.Array) -> pa.Table:
    columns = [
        keys,
        _message_lists(made),
        pa.array([one.tools for one in made], pa.string()),
        pa.array([one.reasoning for one in made], pa.string()),
        pa.array([one.rejected for one in made], pa.string()),
    ]
    return pa.table(columns, schema=CONVERSATIONS)


def _message_lists(made: Sequence[NativeInstance]) -> pa.Array:
    edges, turns = [0], list[Turn]()
    for one in made:
        turns += one.messages
        edges.append(len(turns))
    calls_type = TURN.field("tool_calls").type
    structs = pa.StructArray.from_arrays(
        [
            pa.array([turn.role for turn in turns], pa.string()),
            pa.array([turn.content for turn in turns], pa.string()),
            pa.array([_calls(turn.calls) for turn in turns], calls_type),
        ],
        fields=list(TURN),
    )
    return pa.ListArray.from_arrays(pa.array(edges, pa.int32()), structs)


def _calls(calls: Sequence[Call]) -> list[dict[str, object]] | None:
    if not calls:
        return None
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in calls
    ]
