"""Counts tokens with OpenAI's own vocabularies, which the package rs-bpe carries.

Usage: python -m benchmarks.cost_child FILE, a JSON list of texts
"""

import json
import sys
from pathlib import Path


def main(path: str) -> None:
    from rs_bpe.bpe import openai  # type: ignore[import-not-found]

    texts = json.loads(Path(path).read_text(encoding="utf-8"))
    vocabularies = {"cl100k": openai.cl100k_base(), "o200k": openai.o200k_base()}
    counts = {name: [found.count(text) for text in texts] for name, found in vocabularies.items()}
    print(json.dumps(counts))


if __name__ == "__main__":
    main(sys.argv[1])
