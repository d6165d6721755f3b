"""Labels of a museum of daily life, under a licence that allows no derivatives."""

from demo.sample_data.model import (
    STRING,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
    mixed,
)

_OBJECTS = (
    ("Travelling inkwell", "brass", "kept the ink from spilling in a coat pocket"),
    ("Butter churn", "oak", "turned cream into butter in half an hour of patient work"),
    ("Snow goggles", "bone", "let in light through a slit too narrow for the glare"),
    ("Toy theatre", "paper", "brought the plays of the capital to a kitchen table"),
    ("Pocket sundial", "ivory", "told the hour wherever its owner could find the north"),
    ("Egg warmer", "felt", "was made by a child as a present and never used"),
    ("Watchman's rattle", "ash wood", "called the street together when a chimney burned"),
    ("Sewing bird", "iron", "held the cloth in its beak while both hands were busy"),
)
_GIVERS = (
    "It was given to the museum by the last owner's niece.",
    "It was found under the floor of a town house.",
    "It came to us with the estate of a schoolteacher.",
)


def _rows() -> list[Row]:
    return [
        {
            "object": name,
            "material": material,
            "label_text": f"This piece of {material} {use}. {giver}",
        }
        for (name, material, use), giver in mixed("labels", _OBJECTS, _GIVERS)
    ]


_TEXT = """
# Museum labels

The labels of the permanent exhibition, as they hang beside the objects. They may be passed on
unchanged and free of charge.
"""

DATASET = SampleDataset(
    id="stonebridge/museum-labels",
    licence_class="no-derivatives",
    configs=(
        Config(
            "default",
            "Labels of objects in a museum.",
            {"object": STRING, "material": STRING, "label_text": STRING},
            {"train": _rows()},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-08T13:33:00Z",
            "Add labels",
            Front("Museum labels", ("en",), ("cc-by-nc-nd-4.0",), ("text-generation",)),
            _TEXT,
        ),
    ),
    downloads=133,
    likes=1,
)
