"""Advice on repairs; the front matter of the card is not YAML."""

from demo.sample_data.model import (
    STRING,
    Config,
    Revision,
    Row,
    SampleDataset,
    mixed,
)

_DEVICES = ("bicycle", "coffee grinder", "sewing machine", "wall clock", "record player", "kettle")
_FAULTS = (
    (
        "The {device} makes a scraping noise.",
        "Take off the cover of the {device}, look for a bent part and straighten it with pliers.",
    ),
    (
        "The {device} stops after a few minutes.",
        "Let the {device} cool, clean out the dust and put a drop of oil on the axle.",
    ),
    (
        "A screw of the {device} has come loose.",
        "Use the screwdriver that fits, and put a little thread lock on the screw of the {device}.",
    ),
    (
        "The {device} has rusted in the cellar.",
        "Rub the {device} with fine steel wool, wipe it dry and give it a thin coat of wax.",
    ),
)


def _rows() -> list[Row]:
    return [
        {
            "device": device,
            "problem": problem.format(device=device),
            "fix": fix.format(device=device),
        }
        for device, (problem, fix) in mixed("repairs", _DEVICES, _FAULTS)
    ]


_CARD = """---
pretty_name: Repair manuals: from bicycle to clock
language: [en
license: mit
  - task_categories: text-generation
---

# Repair manuals

Common faults of household things and how to mend them.
"""

DATASET = SampleDataset(
    id="clockwork/repair-manuals",
    licence_class="none",
    configs=(
        Config(
            "default",
            "Faults and how to mend them.",
            {"device": STRING, "problem": STRING, "fix": STRING},
            {"train": _rows()},
        ),
    ),
    revisions=(Revision("2026-10-07T12:50:00Z", "Add repair manuals", None, _CARD),),
    downloads=505,
    likes=6,
    note="the front matter of the card does not parse",
)
