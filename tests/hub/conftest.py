"""What the tests of the Hub's room share."""

from collections.abc import Iterator

import pytest

from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.net import hub_session
from tests.hub.faulty_hub import FaultyHub, faulty_hub


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyHub]:
    """A scripted server, and waits between attempts that a test can sit out."""
    monkeypatch.setattr(hub_session, "FIRST_WAIT", 0.02)
    monkeypatch.setenv("NO_PROXY", "*")
    with faulty_hub() as running:
        yield running


@pytest.fixture
def client(hub: FaultyHub) -> HubClient:
    return HubClient(hub.endpoint, None, f"{hub.endpoint}/viewer", timeout=1, concurrency=4)
