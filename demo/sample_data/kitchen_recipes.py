"""Recipes with nested fields: a list of strings, a list of steps and a dictionary of figures."""

from demo.sample_data.model import (
    INTEGER,
    STRING,
    STRINGS,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
    classes,
    mixed,
    pick,
)

_COURSES = ("soup", "bake", "salad")
_VEGETABLES = (
    "carrot",
    "pumpkin",
    "leek",
    "beetroot",
    "parsnip",
    "fennel",
    "celeriac",
    "tomato",
    "courgette",
    "cauliflower",
    "kohlrabi",
    "sweet potato",
)
_PARTNERS = {
    "soup": ("ginger", "white bean", "coconut", "smoked paprika"),
    "bake": ("goat cheese", "barley", "thyme", "mustard"),
    "salad": ("walnut", "orange", "lentil", "dill"),
}
_BASES = {
    "soup": ("1 onion", "1 litre of stock", "2 spoons of oil"),
    "bake": ("3 eggs", "200 ml of cream", "50 g of breadcrumbs"),
    "salad": ("3 spoons of oil", "1 spoon of vinegar", "a pinch of salt"),
}
_STEPS = {
    "soup": (
        "Chop the onion and soften it in the oil.",
        "Add the {vegetable} in small pieces and let it sweat for five minutes.",
        "Pour in the stock and simmer until everything is tender.",
        "Stir in the {partner}, blend until smooth and taste for salt.",
    ),
    "bake": (
        "Heat the oven to 190 degrees.",
        "Slice the {vegetable} thinly and lay it in a buttered dish.",
        "Whisk the eggs with the cream and the {partner} and pour it over.",
        "Scatter the breadcrumbs on top and bake for forty minutes.",
    ),
    "salad": (
        "Grate the {vegetable} coarsely.",
        "Mix oil, vinegar and salt in a large bowl.",
        "Toss the {vegetable} with the {partner} in the dressing and leave it for ten minutes.",
    ),
}
_MINUTES = {"soup": (30, 35, 40), "bake": (55, 60, 70), "salad": (15, 20)}
_CALORIES = {"soup": (180, 240, 310), "bake": (420, 480, 530), "salad": (150, 210, 260)}
_SUMMARIES = {
    "soup": "A smooth soup of {vegetable} with {partner} for a cold evening.",
    "bake": "A golden bake of {vegetable} and {partner} that feeds a family.",
    "salad": "A crisp salad of raw {vegetable} with {partner}, ready in minutes.",
}


def _recipe(course: str, vegetable: str, partner: str) -> Row:
    name = f"{vegetable} and {partner} {course}"
    words = {"vegetable": vegetable, "partner": partner}
    steps = enumerate(_STEPS[course], start=1)
    return {
        "title": name.capitalize(),
        "ingredients": [f"500 g of {vegetable}", partner, *_BASES[course]],
        "steps": [{"order": order, "text": text.format(**words)} for order, text in steps],
        "nutrition": {"kcal": pick(f"kcal {name}", _CALORIES[course]), "portions": 4},
        "minutes": pick(f"minutes {name}", _MINUTES[course]),
        "course": _COURSES.index(course),
        "summary": _SUMMARIES[course].format(**words),
    }


def _rows() -> list[Row]:
    plan = [
        (course, vegetable, partner)
        for course in _COURSES
        for vegetable, partner in mixed(course, _VEGETABLES, _PARTNERS[course])[:14]
    ]
    return [_recipe(*recipe) for (recipe,) in mixed("kitchen", plan)]


_TEXT = """
# Kitchen recipes

## Dataset summary

Simple vegetable recipes for four people: soups, bakes and salads, with ingredients, steps, the
time that they take and a one-line summary.

## Data fields

- `title`, `summary`: text
- `ingredients`: list of strings
- `steps`: list of steps with `order` and `text`
- `nutrition`: `kcal` for a portion and the number of `portions`
- `minutes`: time from start to table
- `course`: soup, bake or salad
"""

_CHANGED = """
## Licence

Since October 2026 the recipes are shared under CC BY-SA 4.0, because some of the summaries build
on the work of others in our kitchen.
"""

DATASET = SampleDataset(
    id="fernwood/kitchen-recipes",
    licence_class="share-alike",
    configs=(
        Config(
            "default",
            "Vegetable recipes with steps.",
            {
                "title": STRING,
                "ingredients": STRINGS,
                "steps": {"feature": {"order": INTEGER, "text": STRING}, "_type": "List"},
                "nutrition": {"kcal": INTEGER, "portions": INTEGER},
                "minutes": INTEGER,
                "course": classes(*_COURSES),
                "summary": STRING,
            },
            {"train": _rows()},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-06T11:45:00Z",
            "Add recipes",
            Front("Kitchen recipes", ("en",), ("cc-by-4.0",), ("text-generation",)),
            _TEXT,
        ),
        Revision(
            "2026-10-08T10:10:00Z",
            "Change the licence to CC BY-SA 4.0",
            Front("Kitchen recipes", ("en",), ("cc-by-sa-4.0",), ("text-generation",)),
            _TEXT + _CHANGED,
        ),
    ),
    downloads=2750,
    likes=38,
)
