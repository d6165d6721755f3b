"""Runs the growth until a named call, and dies there by SIGKILL, as a process that is killed does.

Usage: python -m tests.flows.killed_run MODULE:NAME NTH BEFORE|AFTER DAY...
"""

import importlib
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from typing import Any


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(target: str, nth: int, moment: str) -> None:
    """Replace a function or a method by one that does its work and dies at the nth call."""
    module, _, path = target.partition(":")
    owner: Any = importlib.import_module(module)
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent)
    setattr(owner, name, _deadly(getattr(owner, name), nth, moment))


def _deadly(function: Callable[..., Any], nth: int, moment: str) -> Callable[..., Any]:
    numbers = count(1)

    def call(*arguments: Any, **options: Any) -> Any:
        number = next(numbers)
        if number == nth and moment == "before":
            die()
        result = function(*arguments, **options)
        if number == nth:
            die()
        return result

    return call


def main() -> None:
    from dynosaur_etl.flows.runtime.services import open_services
    from tests.flows.support import run_all

    target, nth, moment, *days = sys.argv[1:]
    arm(target, int(nth), moment)
    with open_services() as services:
        run_all(tuple(days), services)


if __name__ == "__main__":
    main()
