"""Sums from an invented market: the thought stands in `<think>`, the answer after it."""

from demo.sample_data.model import (
    STRING,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
)

_SUMS: tuple[tuple[str, str, str], ...] = (
    (
        "Ada sells pears at 4 crowns each. A customer takes six and pays with a note of 100 "
        "crowns. How much change is due?",
        "Six pears cost 6 × 4 = 24 crowns. The note is worth 100, so 100 - 24 = 76 go back.",
        "The change is 76 crowns.",
    ),
    (
        "A stall took 240 crowns on Friday and half as much again on Saturday. What did it take "
        "on both days together?",
        "Half of 240 is 120, so Saturday brought 240 + 120 = 360. Together that is 240 + 360 = "
        "600. Half as much again means one and a half times, and 1.5 × 240 is 360 indeed.",
        "It took 600 crowns.",
    ),
    (
        "Three crates hold 18 cabbages each, and seven cabbages are rotten. How many are sound?",
        "There are 3 × 18 = 54 cabbages. Without the seven rotten ones 54 - 7 = 47 remain.",
        "47 cabbages are sound.",
    ),
    (
        "Bruno starts at half past five and packs up at a quarter past one. How long is he there?",
        "From 5:30 to 12:30 are seven hours, from 12:30 to 13:15 another 45 minutes.",
        "He is there for 7 hours and 45 minutes.",
    ),
    (
        "Honey costs 9 crowns for 250 grams. What would a kilogram cost at the same rate?",
        "A kilogram is 1000 grams, four times 250. So it costs 4 × 9 = 36 crowns.",
        "A kilogram would cost 36 crowns.",
    ),
    (
        "A cheese of 80 crowns is reduced by a fifth. Edda has 70 crowns. Is that enough?",
        "A fifth of 80 is 16, so the cheese now costs 80 - 16 = 64 crowns. 70 is more than 64.",
        "Yes, and 6 crowns are left over.",
    ),
    (
        "Five friends share a basket of 32 plums as evenly as they can. How many plums are over?",
        "5 × 6 = 30 is the largest multiple of five that is not above 32. 32 - 30 = 2.",
        "Two plums are over; each friend has six.",
    ),
    (
        "The rent of a stall is 15 crowns a day or 80 a week of six days. What does the week save?",
        "Six single days cost 6 × 15 = 90 crowns. The week costs 80, and 90 - 80 = 10.",
        "The week saves 10 crowns.",
    ),
    (
        "Finn mixes 3 kilograms of walnuts at 12 crowns with 1 kilogram of raisins at 8. What is "
        "a kilogram of the mixture worth?",
        "The walnuts are worth 3 × 12 = 36, the raisins 8, together 44 crowns. The mixture weighs "
        "4 kilograms, and 44 : 4 = 11.",
        "A kilogram is worth 11 crowns.",
    ),
    (
        "Every fourth visitor buys bread, and 35 loaves were sold. How many visitors were there?",
        "Each loaf stands for four visitors, so there were 35 × 4 = 140.",
        "There were about 140 visitors.",
    ),
    (
        "A square table is 120 centimetres wide. How long must a ribbon be to go around it once?",
        "A square has four equal sides: 4 × 120 = 480 centimetres, which is 4.8 metres.",
        "The ribbon must be 4.8 metres long.",
    ),
)
_CUT_OFF: Row = {
    "question": "Cilla had 50 eggs, sold three dozen and broke two. How many has she left?",
    "response": "<think>\nThree dozen are 3 × 12 = 36. So of the 50 eggs there remain at first",
}


def _row(question: str, thought: str, answer: str) -> Row:
    return {"question": question, "response": f"<think>\n{thought}\n</think>\n\n{answer}"}


_TEXT = """
# Market sums

## Dataset summary

Twelve sums about buying and selling at an invented market, each with the thought that leads to
its answer. The thought stands between `<think>` and `</think>`, the answer follows.

## Data fields

- `question`: the sum in words
- `response`: the thought and the answer

One thought was cut off when the sums were collected, and is kept as it was found.
"""

DATASET = SampleDataset(
    id="abacus/market-sums",
    licence_class="permissive",
    configs=(
        Config(
            "default",
            "Sums in words with the thought that solves them.",
            {"question": STRING, "response": STRING},
            {"train": [*(_row(*parts) for parts in _SUMS), _CUT_OFF]},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-07T19:45:00Z",
            "Add market sums",
            Front("Market sums", ("en",), ("apache-2.0",), ("question-answering",)),
            _TEXT,
        ),
    ),
    downloads=870,
    likes=31,
)
