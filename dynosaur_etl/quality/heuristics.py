"""A free scorer: nine signals of `signals`, combined by a stated formula.

score = 0.30 substance + 0.15 boilerplate + 0.10 (length + repetition + copied_input + language)
      + 0.05 (label + truncation + encoding)
"""

from collections.abc import Collection

import pyarrow as pa

from dynosaur_etl.domain.identity import digest
from dynosaur_etl.quality import signals
from dynosaur_etl.quality.scorer import Progress, score_table, silent

FORMULA_VERSION = "3"
WEIGHTS = {
    "substance": 0.30,
    "boilerplate": 0.15,
    "length": 0.10,
    "repetition": 0.10,
    "copied_input": 0.10,
    "language": 0.10,
    "label": 0.05,
    "truncation": 0.05,
    "encoding": 0.05,
}
_TOLD_EVERY = 1_000


class Heuristics:
    """The scorer `heuristics`; nothing is loaded or asked, and no instance is without a score."""

    name = "heuristics"

    def __init__(self, languages: Collection[str]) -> None:
        """Take the ISO 639 codes of the languages that an output may have."""
        self._languages = frozenset(languages)
        self.version = f"{FORMULA_VERSION}:{digest(sorted(languages))[:12]}"

    def score(self, instances: pa.Table, progress: Progress = silent) -> pa.Table:
        """Score instances by the module's formula; one column a signal."""
        found: dict[str, list[float]] = {name: [] for name in WEIGHTS}
        rows = zip(
            instances["input"].to_pylist(),
            instances["output"].to_pylist(),
            instances["label_space"].to_pylist(),
            strict=True,
        )
        for done, (given, output, labels) in enumerate(rows, start=1):
            for name, value in self._signals(given, output, labels).items():
                found[name].append(value)
            if done % _TOLD_EVERY == 0:
                progress(done, instances.num_rows)
        progress(instances.num_rows, instances.num_rows)
        scores = [
            round(
                sum(weight * value for weight, value in zip(WEIGHTS.values(), row, strict=True)), 6
            )
            for row in zip(*found.values(), strict=True)
        ]
        return score_table(instances, scores, [None] * len(scores), found)

    def _signals(self, given: str, output: str, labels: Collection[str]) -> dict[str, float]:
        given_words, words = given.split(), output.split()
        return {
            "substance": signals.substance(output, words),
            "boilerplate": signals.boilerplate(output),
            "length": signals.length(words),
            "repetition": signals.repetition(words),
            "copied_input": signals.copied_input(given_words, words),
            "language": signals.language(output, self._languages),
            "label": signals.label(output, labels),
            "truncation": signals.truncation(output, words),
            "encoding": signals.encoding(f"{given}\n{output}"),
        }
