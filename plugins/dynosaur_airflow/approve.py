"""Asking a person before a version is published, as one of Airflow's required actions."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import conf
from airflow.sdk.exceptions import AirflowSkipException

from dynosaur_airflow.alert import to_notifier
from dynosaur_airflow.run_settings import run_services

if TYPE_CHECKING:
    from dynosaur_etl.flows.runtime.services import Services


class Approve(ApprovalOperator):
    """Waits for a person's word, without a slot, where the settings give one the hours for it.

    A version that is rejected, or that nobody has looked at in time, is not published: the Airflow
    tasks after this one are skipped. Where nobody is to be asked it is skipped itself: without
    hours, without a target, for a trial, and where every target has the version.
    """

    template_fields = (*ApprovalOperator.template_fields, "version")

    def __init__(self, *, version: Any, **options: Any) -> None:
        """Take the number of the version from the Airflow task before."""
        super().__init__(subject="Publish?", defaults=self.REJECT, **options)
        self.version = version

    def execute(self, context: Any) -> Any:
        """Ask, and wait.

        Raises:
            AirflowSkipException: nobody is to be asked.
        """
        with run_services() as services:
            hours = services.settings.approval_hours
            if (why := _why_not_asked(self.version, services)) is not None:
                raise AirflowSkipException(why)
            self.subject = f"Publish v{self.version:04d}?"
            self.body = _question(self.version, services)
        self.response_timeout = timedelta(hours=hours)
        to_notifier(f"{self.subject} {self.generate_link_to_ui_from_context(context=context)}")
        return super().execute(context)


def _why_not_asked(version: int, services: "Services") -> str | None:
    from dynosaur_etl.flows.snapshot.publish import is_published, why_not_published

    if not services.settings.approval_hours:
        return "no hours are set in which somebody could approve"
    if is_published(version, services):
        return f"v{version:04d} is at every target already"
    return why_not_published(version, services)


def _targets(services: "Services") -> list[str]:
    """Name where the version would go; a place of files may hold a password, and is not named."""
    settings = services.settings
    copy = ["the folder or store of `DYNOSAUR_PUBLISH_URL`"] if settings.publish_url else []
    return copy + ([f"`{settings.publish_repo}`"] if settings.publish_repo else [])


def _question(version: int, services: "Services") -> str:
    """Word what the person decides on, as Markdown: figures, pages to look at, and the targets."""
    from dynosaur_etl.flows.runtime.version_records import version_record

    record = version_record(version, services)
    pages = f"{conf.get('api', 'base_url', fallback='').rstrip('/')}/training-set/snapshots"
    counts = record.counts
    lines = [
        f"Up to {record.day}: {counts['selected']:,} of {counts['pool']:,} instances.",
        f"[The version]({pages}/{version})",
        f"To {' and '.join(_targets(services))}.",
    ]
    if record.parent is not None:
        lines[2:2] = [f"[What changed]({pages}/diff?old={record.parent}&new={version})"]
    return "\n\n".join(lines)
