"""`transformers serve`, a server that others wrote, with a model that knows nothing."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

import pytest

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.reasons import Reason
from dynosaur_etl.flows.runtime.services import open_services
from dynosaur_etl.flows.views.ledger_report import ledger_report
from tests.flows import growth
from tests.flows.hubs import notes, write_dataset
from tests.flows.support import POLL_STEPS, environment, free_port, serving, settings
from tests.flows.tiny_model import make_tiny_model

DAY = GrowthDay.parse("2026-10-05")
PROGRAM = Path(sys.executable).with_name("transformers")
START_SECONDS = 120

pytestmark = pytest.mark.skipif(
    not (PROGRAM.exists() and find_spec("accelerate") and find_spec("fastapi")),
    reason="`transformers serve` needs accelerate and fastapi",
)


@contextmanager
def transformers_serve(model: Path) -> Iterator[str]:
    port = free_port()
    command = [PROGRAM, "serve", model, "--host", "127.0.0.1", "--port", str(port)]
    with (model / "log").open("wb") as log:
        server = subprocess.Popen(
            [*map(str, command), "--device", "cpu"],
            env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(model / "home")},
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", server, model / "log")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(20)


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"transformers serve does not answer: {log.read_text()[-2000:]}")


def test_what_a_model_without_sense_says_is_rejected_with_reasons(
    database_url: str, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    make_tiny_model(model)
    write_dataset(tmp_path / "hub", "a/notes", str(DAY), **{"train.parquet": notes()})
    with serving(tmp_path / "hub", tmp_path / "logs") as servers, transformers_serve(model) as url:
        values = environment(
            replace(servers, llm=url),
            database_url,
            tmp_path,
            DYNOSAUR_LLM_MODEL=str(model),
            DYNOSAUR_LLM_BUDGET_RUN_USD="unlimited",
            DYNOSAUR_LLM_BUDGET_MONTH_USD="unlimited",
        )
        with open_services(settings(values)) as services:
            for step in POLL_STEPS:
                step(DAY, services)
            asked = growth.propose_all(DAY, services)
            report = growth.validate(DAY, services)
            ledger = ledger_report(services)
    assert asked.counts.kept == asked.counts.taken == 2
    assert (report.counts.kept, report.counts.deferred) == (0, 0)
    assert report.counts.rejected == sum(report.reasons.values()) >= 2
    answers = {Reason.ANSWER_NOT_JSON, Reason.ANSWER_EMPTY, Reason.ANSWER_WRONG_SHAPE}
    assert set(report.reasons) <= {str(reason) for reason in answers}
    assert ledger.consistent
    assert ledger.unknown_costs == 2, "nobody has a price for it"
