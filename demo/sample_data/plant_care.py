"""Care of house plants; the YAML says CC BY, the text of the card forbids commercial use."""

from demo.sample_data.model import (
    STRING,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
    mixed,
)

_PLANTS = ("fern", "rubber plant", "peace lily", "spider plant", "ivy", "begonia", "money tree")
_SYMPTOMS = (
    (
        "The tips of the leaves are brown and crisp.",
        "Move the {plant} away from the heater and mist it every second day.",
    ),
    (
        "The lower leaves turn yellow and fall.",
        "Let the soil of the {plant} dry between two waterings and empty the saucer.",
    ),
    (
        "The stems are long and thin and lean to one side.",
        "Give the {plant} a brighter place and turn the pot once a week.",
    ),
    (
        "There are fine webs under the leaves.",
        "Shower the {plant}, wipe the leaves and keep it apart from the others for two weeks.",
    ),
)


def _rows() -> list[Row]:
    return [
        {"plant": plant, "symptom": symptom, "advice": advice.format(plant=plant)}
        for plant, (symptom, advice) in mixed("plants", _PLANTS, _SYMPTOMS)[:26]
    ]


_TEXT = """
# Plant care

## Dataset summary

What ails a house plant, and what to do about it.

## Licensing information

The texts may be used for non-commercial purposes only. Commercial use of any kind is not permitted
without written consent.
"""

DATASET = SampleDataset(
    id="meadowlab/plant-care",
    licence_class="noncommercial",
    configs=(
        Config(
            "default",
            "Symptoms of house plants and advice.",
            {"plant": STRING, "symptom": STRING, "advice": STRING},
            {"train": _rows()},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-07T17:15:00Z",
            "Add plant care",
            Front("Plant care", ("en",), ("cc-by-4.0",), ("text-generation",)),
            _TEXT,
        ),
    ),
    downloads=870,
    likes=14,
    note="licence conflict: YAML says cc-by-4.0 but the card text says non-commercial",
)
