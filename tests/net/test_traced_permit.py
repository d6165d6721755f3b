"""When a request takes its permit, and when it gives it back, over HTTP with the real client."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from dynosaur_etl.hub.client import HubClient
from dynosaur_etl.net import traced_permit
from dynosaur_etl.net.traced_permit import TracedPermit
from tests.hub.faulty_hub import SHA, Answer, FaultyHub, as_json

SLOW, QUICK = "owner/slow", "owner/quick"
COMMIT = {"id": SHA, "date": "2023-01-02T00:00:00.000Z", "title": "", "message": "", "authors": []}


def scripted(hub: FaultyHub, trickle: float) -> Callable[[str], int]:
    """Let the Hub answer for the slow dataset byte by byte; give a way to ask it."""
    body = as_json([COMMIT])
    hub.answers[f"/api/datasets/{SLOW}/commits/main"] = [Answer(body=body, trickle=trickle)]
    hub.answers[f"/api/datasets/{QUICK}/commits/main"] = [Answer(body=body)]
    client = HubClient(hub.endpoint, None, "", timeout=5, concurrency=1)
    return lambda dataset_id: len(client.commits(dataset_id)) + client.requests["retries"]


def asked_together(ask: Callable[[str], int]) -> list[int]:
    """Ask for the quick dataset while the slow one has the only permit."""
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(ask, SLOW)
        time.sleep(0.1)
        quick = pool.submit(ask, QUICK)
        return [slow.result(), quick.result()]


def test_a_connection_that_the_server_closed_during_the_wait_is_not_used(
    hub: FaultyHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traced_permit, "_FRESH_SECONDS", 0.1)
    hub.patience = 0.3
    ask = scripted(hub, trickle=0.01)
    assert asked_together(ask) == [1, 1]  # a commit each, and no retry


def test_a_request_is_made_ready_and_its_connection_opened_before_it_has_a_permit(
    hub: FaultyHub,
) -> None:
    ask = scripted(hub, trickle=0.005)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(ask, SLOW)
        time.sleep(0.1)
        quick = pool.submit(ask, QUICK)
        time.sleep(0.2)
        assert not slow.done()
        assert (hub.connections, len(hub.asked)) == (2, 1)
        assert (slow.result(), quick.result()) == (1, 1)
    assert (hub.busiest, hub.connections) == (1, 2)


def test_the_permit_is_free_when_the_last_byte_has_come(hub: FaultyHub) -> None:
    hub.answers["/file"] = [Answer(body=b"x" * 10)]
    permits = threading.BoundedSemaphore(1)
    with httpx2.Client() as client, TracedPermit(permits) as permit:
        request = client.build_request("GET", f"{hub.endpoint}/file")
        request.extensions["trace"] = permit.trace
        answer = client.send(request, stream=True)
        assert not permits.acquire(blocking=False)
        assert answer.read() == b"x" * 10
        assert permits.acquire(blocking=False)
        permits.release()


def test_the_permit_is_free_after_an_answer_that_is_cut_short(hub: FaultyHub) -> None:
    hub.answers["/file"] = [Answer(body=b"x" * 10, cut=5)]
    permits, is_cut = threading.BoundedSemaphore(1), pytest.raises(httpx2.RemoteProtocolError)
    with httpx2.Client() as client, is_cut, TracedPermit(permits) as permit:
        trace = {"trace": permit.trace}
        client.send(client.build_request("GET", f"{hub.endpoint}/file", extensions=trace))
    assert permits.acquire(blocking=False)
