"""Explanations for children, several to a request, each with a score of one to five."""

from demo.sample_data.model import (
    DECIMAL,
    STRING,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
    listed,
)

_EXPLANATIONS: tuple[tuple[str, tuple[tuple[str, float], ...]], ...] = (
    (
        "Explain to a child why the sky is blue.",
        (
            ("It is a matter of scattering coefficients.", 1.5),
            (
                "Sunlight is a mix of all colours. The air throws its blue part in all directions, "
                "so blue light comes to us from everywhere.",
                4.5,
            ),
        ),
    ),
    (
        "Explain to a child why the moon changes its shape.",
        (
            (
                "The moon does not change; we see more or less of the side that the sun lights up, "
                "because the moon travels around us.",
                5.0,
            ),
            ("The shadow of the earth covers a part of it every night.", 1.0),
        ),
    ),
    (
        "Explain to a child why ice floats.",
        (
            (
                "When water freezes it takes up more room. So a piece of ice is lighter than the "
                "water that would fill its place, and it floats.",
                4.5,
            ),
            ("Ice is cold, and cold things rise.", 1.0),
            ("It floats because it is a solid.", 1.5),
        ),
    ),
    (
        "Explain to a child why leaves turn yellow in autumn.",
        (
            ("They are tired.", 1.0),
            (
                "In autumn the tree takes the green out of its leaves and keeps what it can use. "
                "The yellow was there all summer, hidden by the green.",
                5.0,
            ),
        ),
    ),
    (
        "Explain to a child what an echo is.",
        (
            (
                "Sound flies away from you, hits a wall or a cliff and comes back, a little later "
                "and a little softer.",
                4.5,
            ),
            ("Somebody on the other side repeats what you shout.", 1.0),
        ),
    ),
    (
        "Explain to a child why we have seasons.",
        (
            ("In summer the earth is nearer to the sun.", 1.0),
            (
                "The earth leans to one side as it goes around the sun. When our half leans "
                "towards the sun it is summer here, and when it leans away it is winter.",
                5.0,
            ),
        ),
    ),
    (
        "Explain to a child how a magnet works.",
        (
            ("It has a kind of glue inside.", 1.0),
            ("Magnets do that because of magnetism.", 2.0),
        ),
    ),
    (
        "Explain to a child why bread rises.",
        (
            (
                "Tiny living things in the dough, called yeast, eat sugar and breathe out gas. The "
                "gas blows little bubbles into the dough.",
                5.0,
            ),
            ("Because it is warm in the oven.", 2.0),
        ),
    ),
    (
        "Explain to a child what a shadow is.",
        (
            ("A shadow is a dark thing that follows you.", 2.0),
            (
                "Light travels straight ahead. Where you stand in its way it cannot reach the "
                "ground, and that dark spot is your shadow.",
                4.5,
            ),
        ),
    ),
    (
        "Explain to a child why the sea is salty.",
        (
            (
                "Rivers wash a little salt out of the rocks and carry it to the sea. The water "
                "leaves again as vapour, but the salt stays behind.",
                4.0,
            ),
            ("Fishermen throw salt into it.", 1.0),
        ),
    ),
    (
        "Explain to a child why we yawn.",
        (
            (
                "Nobody knows for sure. We yawn when we are tired or bored, and often when we see "
                "somebody else do it.",
                4.0,
            ),
            ("Because the brain has run out of air.", 1.5),
        ),
    ),
    (
        "Explain to a child how a rainbow comes about.",
        (
            ("It is painted by the rain.", 1.0),
            (
                "Sunlight goes into a raindrop, is bent and split into its colours and comes out "
                "again. Many drops together make the bow.",
                5.0,
            ),
            ("It comes about by refraction and dispersion.", 2.0),
        ),
    ),
)

_ROWS: list[Row] = [
    {
        "instruction": instruction,
        "completions": [{"response": text, "score": score} for text, score in scored],
    }
    for instruction, scored in _EXPLANATIONS
]

_TEXT = """
# Scored explanations

## Dataset summary

Twelve questions of children, each with two or three explanations. Two teachers scored every one of
them from 1 (wrong or of no help) to 5 (right and easy to follow); the score is their mean.

## Data fields

- `instruction`: what is to be explained
- `completions`: the explanations, each with its `response` and its `score`

To one question nobody found a good explanation; it is kept, with its low scores.
"""

DATASET = SampleDataset(
    id="quizbarn/scored-explanations",
    licence_class="permissive",
    configs=(
        Config(
            "default",
            "Explanations with scores.",
            {
                "instruction": STRING,
                "completions": listed(response=STRING, score=DECIMAL),
            },
            {"train": _ROWS},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-07T20:50:00Z",
            "Add scored explanations",
            Front("Scored explanations", ("en",), ("cc0-1.0",), ("text-generation",)),
            _TEXT,
        ),
    ),
    downloads=360,
    likes=11,
)
