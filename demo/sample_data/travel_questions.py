"""Questions about invented towns with the passage that answers them; some values are missing."""

from demo.sample_data.model import (
    STRING,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
    pick,
    shuffled,
)

# town, way from the station, time to the centre, sight, opening hour, dish, day of rest
_TOWNS = (
    (
        "Port Averin",
        "ferry",
        "twenty minutes",
        "the rope museum",
        "ten",
        "smoked herring",
        "Monday",
    ),
    ("Lindmouth", "tram", "twelve minutes", "the glass pier", "nine", "leek pie", "Tuesday"),
    (
        "Castel Orno",
        "cable car",
        "eight minutes",
        "the bell tower",
        "eleven",
        "chestnut soup",
        "Monday",
    ),
    ("Greywater", "bus", "half an hour", "the lock staircase", "eight", "oat cakes", "Wednesday"),
    (
        "Sankt Alba",
        "funicular",
        "six minutes",
        "the herb garden",
        "nine",
        "plum dumplings",
        "Sunday",
    ),
    (
        "Nether Quill",
        "footpath",
        "a quarter of an hour",
        "the paper mill",
        "ten",
        "apple cheese",
        "Thursday",
    ),
    ("Vessby", "bicycle lane", "ten minutes", "the amber hall", "noon", "fish stew", "Monday"),
    ("Tarn Hollow", "minibus", "forty minutes", "the slate cave", "ten", "barley bread", "Friday"),
)

_PASSAGE = (
    "{town} lies a little away from its railway station, and the {way} covers the distance in "
    "{time}. Most visitors come for {sight}, which opens at {hour} and stays closed on {rest}. "
    "The local speciality is {dish}."
)
_ASKED = (
    ("How do I get from the station to the centre of {town}?", "By the {way}."),
    ("How long does it take to reach the centre of {town} from the station?", "{time}"),
    ("When does {sight} open?", "At {hour}."),
    ("On which day should I not plan to see {sight}?", "On {rest}."),
    ("What should I try to eat in {town}?", "{dish}"),
)
_NOTES = (
    "Asked by a family with a pram.",
    "The traveller arrives late.",
    "",
    None,
    "Asked by a school class.",
    None,
)


def _rows() -> list[Row]:
    """Forty questions; the last of them have no answer, as nobody has given one yet."""
    rows = []
    for town, way, time, sight, hour, dish, rest in _TOWNS:
        words = {"town": town, "way": way, "time": time, "sight": sight}
        words |= {"hour": hour, "dish": dish, "rest": rest}
        for question, answer in _ASKED:
            asked = question.format(**words)
            told = answer.format(**words)
            rows.append(
                {
                    "context": _PASSAGE.format(**words),
                    "question": asked,
                    "answer": told[0].upper() + told[1:],
                    "traveller_note": pick(asked, _NOTES),
                }
            )
    mixed_rows = shuffled("travel", rows)
    unanswered = [{**row, "answer": None} for row in mixed_rows[-3:]]
    blank = [{**row, "answer": ""} for row in mixed_rows[-5:-3]]
    return [*mixed_rows[:-5], *blank, *unanswered]


_TEXT = """
# Travel questions

## Dataset summary

Questions that travellers ask about eight small towns, with a passage from a guide book and the
answer that it holds. The towns do not exist. The field `traveller_note` says who asked; it is
often empty. A few questions have no answer yet.
"""

DATASET = SampleDataset(
    id="wayfarer/travel-questions",
    licence_class="permissive",
    configs=(
        Config(
            "default",
            "Questions about towns, with the passage that answers them.",
            {
                "context": STRING,
                "question": STRING,
                "answer": STRING,
                "traveller_note": STRING,
            },
            {"train": _rows()},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-06T14:20:00Z",
            "Add travel questions",
            Front("Travel questions", ("en",), ("cc-by-4.0",), ("question-answering",)),
            _TEXT,
        ),
    ),
    downloads=4105,
    likes=45,
)
