"""Publishing a version where the settings say: to the Hub, to a folder or an object store."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from dynosaur_etl.domain.errors import InvalidInput, not_allowed
from dynosaur_etl.domain.models import Counts, StepName, StepReport
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.flows.runtime.version_records import origin_record, version_record
from dynosaur_etl.flows.snapshot.targets import address
from dynosaur_etl.flows.snapshot.versions import verify_snapshot
from dynosaur_etl.snapshots.hub_calls import HubTarget
from dynosaur_etl.snapshots.publish import open_folder, publish_copy
from dynosaur_etl.snapshots.push import (
    Pushed,
    PushPlan,
    plan_push,
    push_candidate,
    push_snapshot,
)
from dynosaur_etl.store.database import locked
from dynosaur_etl.store.evaluations import has_passed
from dynosaur_etl.store.facts.snapshot_versions import head_version, publications
from dynosaur_etl.store.storage import Storage
from dynosaur_etl.store.versions import record_publication

_Result = TypeVar("_Result")


def publish_version(version: int, services: Services) -> StepReport:
    """Publish a version to every target of the settings; where it is there, nothing is done.

    Each target that holds the version afterwards is written down with it.

    Returns:
        Targets as taken and kept; the facts hold the tag, the commit, what was done with
        `latest.json`, and `published`: the number of targets that did not have it before.

    Raises:
        InvalidInput: there is no such version, its trial has not passed where the settings ask for
            that, or a target is not in a state in which it can follow.
        Corrupt: the version is not sound, or what was read back is not what was sent.
        HubRefused, HubUnavailable, StoreUnavailable: a target says no, or does not answer.
    """
    settings = services.settings
    facts: dict[str, Any] = {"version": version}
    done: list[bool] = []
    with locked(services.engine, "publish"):
        _pass_gate(version, services)
        folder = _sound(version, services)
        if settings.publish_url:
            done.append(_to_storage(version, folder, services, facts))
        if settings.publish_repo:
            done.append(_to_hub(version, folder, services, facts))
    facts["published"] = sum(done)
    day = version_record(version, services).day
    return StepReport(StepName.PUBLISH, day, Counts(len(done), len(done), 0), facts=facts)


def why_not_published(version: int, services: Services) -> str | None:
    """Say why a run does not publish a version: no target, or not the head; None where it does.

    Raises:
        InvalidInput: there is no such version.
    """
    record, head = version_record(version, services), head_version(services.engine)
    if not services.settings.publish_url and not services.settings.publish_repo:
        return "neither DYNOSAUR_PUBLISH_REPO nor DYNOSAUR_PUBLISH_URL is set"
    if record.trial:
        return f"v{version:04d} is a trial"
    if head is not None and head.version != version:
        return f"v{version:04d} is not the head; v{head.version:04d} is"
    return None


def may_publish(version: int, services: Services) -> bool:
    """Return whether the settings let a version be published now: without a gate, or through it."""
    if not services.settings.publish_gate:
        return True
    return has_passed(services.storage, origin_record(version, services).version)


def is_published(version: int, services: Services) -> bool:
    """Tell whether every target of the settings is known to hold the version."""
    settings = services.settings
    wanted = {address(settings.publish_url)} if settings.publish_url else set()
    if settings.publish_repo:
        wanted.add(_address(hub_target(services)))
    held = publications(services.engine, [version]).get(version, [])
    return wanted <= {publication.target for publication in held}


def head_number(services: Services) -> int:
    """Return the number of the head, which is published where no other version is named.

    Raises:
        InvalidInput: there is no head yet.
    """
    head = head_version(services.engine)
    if head is None:
        raise InvalidInput(not_allowed("version", "none", "a number; no version is the head yet"))
    return head.version


def propose_version(version: int, services: Services) -> Pushed:
    """Open a pull request with a version at the Hub; see `publish_version`.

    Raises:
        InvalidInput: as there, or no repository is set.
    """
    _pass_gate(version, services)
    return _at_the_hub(push_candidate, version, services)


def plan_version(version: int, services: Services) -> PushPlan:
    """Tell what publishing a version to the Hub would do; see `publish_version`.

    Raises:
        InvalidInput: as there, or no repository is set.
    """
    return _at_the_hub(plan_push, version, services)


def hub_target(services: Services) -> HubTarget:
    """Return the repository of the settings."""
    settings = services.settings
    return HubTarget(
        repo=settings.publish_repo,
        endpoint=settings.hf_endpoint,
        token=settings.hf_token.get_secret_value(),
        private=settings.publish_private,
        timeout=settings.hub_timeout,
    )


def _pass_gate(version: int, services: Services) -> None:
    if not may_publish(version, services):
        received = f"v{version:04d}, whose trial has not passed"
        allowed = f"after `dynosaur try v{version:04d}`, or without DYNOSAUR_PUBLISH_GATE"
        raise InvalidInput(not_allowed("version to publish", received, allowed))


def _to_storage(version: int, folder: Path, services: Services, facts: dict[str, Any]) -> bool:
    storage = Storage(services.settings.publish_url)
    copied = publish_copy(folder, storage, version)
    place = address(storage.url)
    record_publication(services.engine, version, place, copied.path)
    facts |= {"copy": place, "copy_new": copied.new, "latest": copied.latest}
    return copied.new


def _to_hub(version: int, folder: Path, services: Services, facts: dict[str, Any]) -> bool:
    target = hub_target(services)
    pushed = push_snapshot(folder, target, version)
    record_publication(services.engine, version, _address(target), pushed.commit)
    facts |= asdict(pushed)
    return pushed.new


def _address(target: HubTarget) -> str:
    return f"{target.endpoint}/datasets/{target.repo}"


def _at_the_hub(
    act: Callable[[Path, HubTarget, int], _Result], version: int, services: Services
) -> _Result:
    if not services.settings.publish_repo:
        raise InvalidInput(not_allowed("DYNOSAUR_PUBLISH_REPO", "", "owner/name"))
    with locked(services.engine, "publish"):
        return act(_sound(version, services), hub_target(services), version)


def _sound(version: int, services: Services) -> Path:
    verify_snapshot(version, services)
    return open_folder(services.storage, version_record(version, services).path)
