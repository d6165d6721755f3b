"""The tasks of a day's instruction sets: one a config, written by the rule of its form."""

from typing import Any

from dynosaur_etl.domain.growth_day import GrowthDay
from dynosaur_etl.domain.identity import digest
from dynosaur_etl.domain.models import Mode, Task
from dynosaur_etl.flows.runtime.kept_configs import ConfigToAsk, kept_configs
from dynosaur_etl.flows.runtime.services import Services
from dynosaur_etl.forms.form import FORM_RULES, FORMS_VERSION, Form, FoundForm

_ANSWERS = ("completion", "chosen", "completions", "generations", "messages", "chat", "message")
_ASKED = ("system", "prompt", "input", "tools")


def native_tasks(day: GrowthDay, services: Services) -> list[Task]:
    """Return the native tasks of the day, by dataset and config."""
    return [
        native_task(about, about.form)
        for about in kept_configs(day, services)
        if about.form is not None
    ]


def native_task(about: ConfigToAsk, form: FoundForm) -> Task:
    """Return the task of a config that is an instruction set."""
    roles = form.roles
    output = next((roles[role] for role in _ANSWERS if role in roles), roles.get("text", ""))
    config = about.config
    return Task(
        dataset_id=config.dataset_id,
        revision=config.revision,
        config=config.name,
        instruction=f"As the rows ask: {FORM_RULES[form.form]}.",
        input_fields=tuple(roles[role] for role in _ASKED if role in roles),
        output_field=output,
        label_space=(),
        mode=Mode.NATIVE,
        prompt_version=FORMS_VERSION,
        licence=about.licence,
        request_key=digest("native", FORMS_VERSION, config.subject),
        form=str(form.form),
    )


def native_proposal(day: GrowthDay, task: Task) -> dict[str, Any]:
    """Return the row by which a native task is found among the proposals."""
    return {
        "day": str(day),
        "request_key": task.request_key,
        "position": 0,
        "dataset_id": task.dataset_id,
        "revision": task.revision,
        "config": task.config,
        "mode": str(task.mode),
        "payload": [
            {
                "instruction": task.instruction,
                "form": task.form,
                "input_fields": list(task.input_fields),
                "output_field": task.output_field,
            }
        ],
        "reason": None,
        "detail": f"form {task.form}: {FORM_RULES[Form(task.form)]}",
        "task_key": task.key,
    }
