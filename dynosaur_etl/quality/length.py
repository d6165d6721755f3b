"""Length: the control that few selectors beat at a million rows (arXiv 2410.09335)."""

import re

import pyarrow as pa

from dynosaur_etl.quality.scorer import Progress, score_table, silent

_TOKEN = re.compile(r"\w+|[^\w\s]")
_HALF = 200


def token_count(text: str) -> int:
    """Count words and marks: about three quarters of what a language model's tokenizer counts."""
    return len(_TOKEN.findall(text))


class Length:
    """The scorer `length`: tokens of the output, n / (n + 200)."""

    name = "length"
    version = "length-1"

    def score(self, instances: pa.Table, progress: Progress = silent) -> pa.Table:
        """Score instances; the columns `output_tokens` and `prompt_tokens` are the counts."""
        columns = (instances[name].to_pylist() for name in ("instruction", "input", "output"))
        rows = list(zip(*columns, strict=True))
        before = [token_count(instruction) + token_count(given) for instruction, given, _ in rows]
        counts = [token_count(output) for _, _, output in rows]
        progress(len(counts), len(counts))
        scores = [round(count / (count + _HALF), 6) for count in counts]
        signals = {"output_tokens": counts, "prompt_tokens": before}
        return score_table(instances, scores, [None] * len(counts), signals)
