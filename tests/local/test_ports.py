import socket
from collections.abc import Iterator

import pytest

from dynosaur_etl.local.ports import free_port


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_port_that_is_taken_gives_way_to_a_later_one(taken: int) -> None:
    assert free_port(taken) > taken


def test_two_that_want_neighbouring_ports_never_get_the_same(taken: int) -> None:
    first = free_port(taken)
    assert free_port(taken, avoid=[first]) not in {taken, first}
