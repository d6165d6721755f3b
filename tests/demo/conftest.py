"""The demo's LLM server, one a file of tests."""

from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from tests.demo.llm_support import client_of, running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    log = tmp_path_factory.mktemp("llm") / "requests.jsonl"
    with running("--log", str(log)) as (address, _):
        yield address, log


@pytest.fixture
def client(shared: tuple[str, Path]) -> openai.OpenAI:
    return client_of(shared[0])
