"""The validity filters that look at the output in the sampled rows."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from dynosaur_etl.domain.features import SCALAR_KINDS
from dynosaur_etl.domain.models import Verdict
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.proposals.draft import Draft, Sample, drop
from dynosaur_etl.proposals.labels import label_space

MIN_CONSTANT = 5
MAX_COPIED = 0.5
MIN_LEAK_ROWS = 10
MIN_LEAK_LABEL = 3
MAX_NAME = 50

Rows = Sequence[tuple[str, str]]


def output_all_empty(draft: Draft, sample: Sample) -> Verdict | None:
    """The output is null or empty in every sampled row."""
    texts = _outputs(draft, sample)
    if texts is None or any(text is not None for text in texts):
        return None
    return drop(Reason.OUTPUT_ALL_EMPTY, f"{draft.output}: empty in all {len(texts)} rows")


def output_constant(draft: Draft, sample: Sample) -> Verdict | None:
    """The output is the same in all of five or more different rows that have one.

    Fewer rows prove nothing: of three rows of two equally frequent labels one sample in four does.
    """
    texts = _outputs(draft, sample) or ()
    filled = [texts[row] for row in sample.distinct if texts and texts[row] is not None]
    if len(filled) < MIN_CONSTANT or len(set(filled)) > 1:
        return None
    text = f"{draft.output}: {str(filled[0])[:80]!r} in all {len(filled)} different filled rows"
    return drop(Reason.OUTPUT_CONSTANT, text)


def labels_unbalanced(draft: Draft, sample: Sample) -> Verdict | None:
    """The output has few values, and one of them stands in most rows (see `labels`)."""
    field = sample.field(draft.output)
    if field is None or field.kind not in SCALAR_KINDS:
        return None
    space = label_space(field, sample.values(field.name))
    return space if isinstance(space, Verdict) else None


def output_copied(draft: Draft, sample: Sample) -> Verdict | None:
    """In more than half of the rows the output is, word for word, the whole of one input.

    An output that is a part of an input is an extraction and stands.
    """
    for name in _read_inputs(draft, sample):
        rows = _pairs(draft, sample, name, range(len(sample.rows)))
        copied = sum(_same(given, output) for given, output in rows)
        if len(rows) > 1 and copied > MAX_COPIED * len(rows):
            return drop(
                Reason.OUTPUT_COPIED, f"{draft.output} = {name} in {copied} of {len(rows)} rows"
            )
    return None


def label_leaked(draft: Draft, sample: Sample) -> Verdict | None:
    """An input tells the label: another name for it, or a text that holds it in every row.

    At least 10 different rows, and labels that repeat in them, have to show it. A field is another
    name for the output if its values are short, and go with the output's one to one. A text that
    names other labels too, such as a list of choices, tells nothing.
    """
    for name in _read_inputs(draft, sample):
        rows = _pairs(draft, sample, name, sample.distinct)
        labels = {output for _, output in rows}
        if len(rows) < MIN_LEAK_ROWS or not 1 < len(labels) <= len(rows) / 2:
            continue
        if _is_another_name(rows):
            return drop(Reason.LABEL_LEAKED, f"{name} goes with {draft.output} one to one")
        if _holds_label(rows, labels):
            return drop(Reason.LABEL_LEAKED, f"{name} holds the value of {draft.output}")
    return None


def _outputs(draft: Draft, sample: Sample) -> Sequence[str | None] | None:
    """Give the output's texts; None where the field is unknown or no scalar."""
    field = sample.field(draft.output)
    if field is None or field.kind not in SCALAR_KINDS:
        return None
    return sample.texts(field.name)


def _read_inputs(draft: Draft, sample: Sample) -> list[str]:
    """Give the inputs of a single value or of nested text."""
    fields = [field for name in draft.inputs if (field := sample.field(name)) is not None]
    return [field.name for field in fields if field.can_be_output or field.flattens]


def _pairs(draft: Draft, sample: Sample, name: str, of_rows: Sequence[int]) -> Rows:
    """Give an input with the output, of those rows that have both."""
    outputs = _outputs(draft, sample)
    if outputs is None:
        return []
    pairs = ((sample.texts(name)[row], outputs[row]) for row in of_rows)
    return [(given, output) for given, output in pairs if given is not None and output is not None]


def _same(first: str, second: str) -> bool:
    return first.casefold().split() == second.casefold().split()


def _is_another_name(rows: Rows) -> bool:
    if any(len(given) > MAX_NAME for given, _ in rows):
        return False
    forward: dict[str, set[str]] = defaultdict(set)
    backward: dict[str, set[str]] = defaultdict(set)
    for given, output in rows:
        forward[given].add(output)
        backward[output].add(given)
    return _all_single(forward.values()) and _all_single(backward.values())


def _all_single(groups: Iterable[set[str]]) -> bool:
    return all(len(group) == 1 for group in groups)


def _holds_label(rows: Rows, labels: Iterable[str]) -> bool:
    spoken = {label: _words(label) for label in labels}
    if any(len(words.strip()) < MIN_LEAK_LABEL for words in spoken.values()):
        return False
    for given, output in rows:
        words = _words(given)
        if [label for label, said in spoken.items() if said in words] != [output]:
            return False
    return True


def _words(text: str) -> str:
    """Give the words of a text in lower case between spaces, so that whole ones can be sought."""
    letters = (character if character.isalnum() else " " for character in text.casefold())
    return f" {' '.join(''.join(letters).split())} "
