"""Publishing a version where the settings say: to the Hub, to a folder or an object store."""

import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.models import Counts, StepReport
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.snapshot.versions import verify_snapshot, version_row
from dynosaur_etl.settings import Settings
from dynosaur_etl.snapshots.hub_calls import HubTarget
from dynosaur_etl.snapshots.publish import open_snapshot, publish_copy
from dynosaur_etl.snapshots.push import (
    Plan,
    Pushed,
    plan_push,
    push_candidate,
    push_snapshot,
)
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.evaluations import has_passed
from dynosaur_etl.store.storage import Storage

_REPO = re.compile(r"[A-Za-z0-9][\w-]*[\w.-]*/[\w.-]+", re.ASCII)
_Result = TypeVar("_Result")


def publish_version(version: int, services: Services) -> StepReport:
    """Publish a version to every target of the settings; where it is there, nothing is done.

    Returns:
        Targets as taken and kept; the facts tell the tag, the commit and what was `new`.

    Raises:
        InvalidInput: there is no such version, its trial has not passed where the settings ask for
            that, or a target is not in a state in which it can follow.
        Corrupt: the version is not sound, or what was read back is not what was sent.
        HubRefused, HubUnavailable, StoreUnavailable: a target says no, or does not answer.
    """
    with locked(services.engine, "publish"):
        _pass_gate(version, services)
        folder = _sound(version, services)
        facts: dict[str, Any] = {"version": version}
        targets = 0
        if services.settings.publish_url:
            copy = Storage(services.settings.publish_url)
            facts |= {"copy": copy.url, "copy_new": publish_copy(folder, copy, version)}
            targets += 1
        if services.settings.publish_repo:
            facts |= asdict(push_snapshot(folder, hub_target(services)))
            targets += 1
    day = version_row(version, services).day
    return StepReport("publish", day, Counts(targets, targets, 0), facts=facts)


def propose_version(version: int, services: Services) -> Pushed:
    """Open a pull request with a version at the Hub; see `publish_version`.

    Raises:
        InvalidInput: as there, or no repository is set.
    """
    _pass_gate(version, services)
    return _at_the_hub(push_candidate, version, services)


def plan_version(version: int, services: Services) -> Plan:
    """Tell what publishing a version to the Hub would do; see `publish_version`.

    Raises:
        InvalidInput: as there, or no repository is set.
    """
    return _at_the_hub(plan_push, version, services)


def aimed(settings: Settings, to: str) -> Settings:
    """Give the settings with `to` as the only target, a repository or a place; empty: as they are.

    Raises:
        InvalidInput: neither `to` nor a setting names a target.
    """
    if not to:
        if not settings.publish_repo and not settings.publish_url:
            allowed = "--to, DYNOSAUR_PUBLISH_REPO or DYNOSAUR_PUBLISH_URL"
            raise InvalidInput(not_allowed("target", "none", allowed))
        return settings
    is_repo = _REPO.fullmatch(to) is not None
    targets = {"publish_repo": to if is_repo else "", "publish_url": "" if is_repo else to}
    return settings.model_copy(update=targets)


def hub_target(services: Services) -> HubTarget:
    """Give the repository of the settings."""
    settings = services.settings
    return HubTarget(
        repo=settings.publish_repo,
        endpoint=settings.hf_endpoint,
        token=settings.hf_token.get_secret_value(),
        private=settings.publish_private,
        timeout=settings.hub_timeout,
    )


def _at_the_hub(
    act: Callable[[Path, HubTarget], _Result], version: int, services: Services
) -> _Result:
    if not services.settings.publish_repo:
        raise InvalidInput(not_allowed("DYNOSAUR_PUBLISH_REPO", "", "owner/name"))
    with locked(services.engine, "publish"):
        return act(_sound(version, services), hub_target(services))


def may_publish(version: int, services: Services) -> bool:
    """Return whether the settings let a version be published now: without a gate, or through it."""
    return not services.settings.publish_gate or has_passed(services.storage, version)


def _pass_gate(version: int, services: Services) -> None:
    if not may_publish(version, services):
        received = f"v{version:04d}, whose trial has not passed"
        allowed = f"after `dynosaur try v{version:04d}`, or without DYNOSAUR_PUBLISH_GATE"
        raise InvalidInput(not_allowed("version to publish", received, allowed))


def _sound(version: int, services: Services) -> Path:
    verify_snapshot(version, services)
    return open_snapshot(services.storage, version)
