"""Sends the same requests through one library, and prints its time and memory.

Usage: python -m benchmarks.llm_child ours|curator|distilabel ADDRESS NUMBER FOLDER

The clock runs from the first request's making to the last answer, without imports and without the
start of PostgreSQL.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import urlopen

CONCURRENCY = 64
MODEL = "gpt-6-luna"
KEY = "sk-none"
NO_LIMIT = 100_000_000
MAX_TOKENS = 400
NOTES = " ".join(f"Boat {n} left at {n % 12}." for n in range(80))
SYSTEM = "You design instruction-tuning tasks from the fields of a dataset. Answer with JSON alone."


def prompts(number: int) -> list[str]:
    return [f"Dataset {n}. Fields: note, mood. Rows: {NOTES}" for n in range(number)]


def ours(address: str, texts: list[str], folder: str) -> Callable[[], int]:
    from dynosaur_etl.domain.chat import ChatRequest, Purpose
    from dynosaur_etl.flows.runtime.asking import ask_live
    from dynosaur_etl.flows.runtime.services import Services, silent
    from dynosaur_etl.settings import Settings
    from dynosaur_etl.store.embedded import embedded_url

    settings = Settings(  # type: ignore[call-arg]
        home=Path(folder).parent,
        database_url=embedded_url(Path(folder), "dynosaur"),
        OPENAI_BASE_URL=address,
        OPENAI_API_KEY=KEY,
        llm_timeout=60,
        llm_concurrency=CONCURRENCY,
        llm_attempts=5,
    )
    services = Services(settings)
    _loaded = services.llm  # imports are not timed

    def request(n: int, text: str) -> ChatRequest:
        return ChatRequest(
            purpose=Purpose.PROPOSE,
            subject=f"dataset {n}",
            model=MODEL,
            messages=[
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": text},
            ],
            schema=None,
            max_tokens=MAX_TOKENS,
            temperature=0,
            prompt_version="benchmark",
        )

    def run() -> int:
        requests = [request(n, text) for n, text in enumerate(texts)]
        return len(ask_live(requests, "2026-10-31", services, silent).answered)

    # which parameters the server takes is found out by one request a week; this is a later run
    ask_live([request(-1, "Which parameters are taken?")], "2026-10-31", services, silent)
    urlopen(f"{address}/count", timeout=10).close()  # noqa: S310 - our own server; counts anew
    return run


def curator(address: str, texts: list[str], folder: str) -> Callable[[], int]:
    os.environ |= {
        "CURATOR_CACHE_DIR": folder,
        "CURATOR_DISABLE_RICH_DISPLAY": "1",
        "TELEMETRY_ENABLED": "false",
        "HF_HUB_OFFLINE": "1",
        "OPENAI_API_KEY": KEY,
        "TIKTOKEN_CACHE_DIR": bundled_vocabularies(),
    }
    from bespokelabs import curator as library

    class Proposals(library.LLM):  # type: ignore[misc]
        def prompt(self, row: dict[str, str]) -> list[dict[str, str]]:
            return [
                {"role": "system", "content": SYSTEM},
                {"role": "user", "content": row["text"]},
            ]

        def parse(self, row: dict[str, str], response: Any) -> dict[str, str]:
            return {"text": row["text"], "answer": str(response)}

    llm = Proposals(
        model_name=MODEL,
        backend="openai",
        generation_params={"max_tokens": MAX_TOKENS, "temperature": 0},
        backend_params={
            "base_url": address,
            "max_concurrent_requests": CONCURRENCY,
            "max_requests_per_minute": NO_LIMIT,
            "max_tokens_per_minute": NO_LIMIT,
        },
    )

    def run() -> int:
        found = llm([{"text": text} for text in texts])
        return len(getattr(found, "dataset", found))

    return run


def distilabel(address: str, texts: list[str], folder: str) -> Callable[[], int]:
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_HOME": folder}
    from distilabel.models import OpenAILLM

    llm = OpenAILLM(
        model=MODEL,
        base_url=address,
        api_key=KEY,
        generation_kwargs={"max_new_tokens": MAX_TOKENS, "temperature": 0},
    )
    llm.load()

    def run() -> int:
        answered = 0
        for start in range(0, len(texts), CONCURRENCY):  # it sends a batch and waits for its end
            inputs = [
                [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
                for text in texts[start : start + CONCURRENCY]
            ]
            answered += sum(bool(output["generations"]) for output in llm.generate(inputs=inputs))
        return answered

    return run


def bundled_vocabularies() -> str:
    """Give the folder of the vocabularies that litellm brings along, so that none is fetched."""
    from importlib.util import find_spec

    spec = find_spec("litellm")
    if spec is None or spec.origin is None:
        raise SystemExit("litellm is missing")
    return str(Path(spec.origin).parent / "litellm_core_utils" / "tokenizers")


def main() -> None:
    name, address, number, folder = sys.argv[1:]
    prepare = {"ours": ours, "curator": curator, "distilabel": distilabel}[name]
    try:
        run = prepare(address, prompts(int(number)), folder)
        started, cpu = time.monotonic(), time.process_time()
        answered = run()
        seconds, used = time.monotonic() - started, time.process_time() - cpu
    finally:
        if name == "ours":
            from dynosaur_etl.store.embedded import stop_embedded

            stop_embedded(Path(folder))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"seconds": seconds, "mb": memory, "cpu": round(used, 2), "answered": answered}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
