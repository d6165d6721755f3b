"""Short stories with a title and a one-sentence summary."""

from demo.sample_data.model import (
    STRING,
    Config,
    Front,
    Revision,
    Row,
    SampleDataset,
    classes,
    mixed,
    shuffled,
)

_MOODS = ("hopeful", "funny", "sad")

# hero, occupation, what is dear to the hero
_HEROES = (
    ("Mira", "lighthouse keeper", "an old barometer"),
    ("Tobias", "baker", "a jar of sourdough"),
    ("Salome", "piano tuner", "a silver tuning fork"),
    ("Henk", "ferryman", "a brass bell"),
    ("Ines", "map maker", "a box of coloured inks"),
)
# mood, title, story, summary
_PLOTS = (
    (
        "hopeful",
        "What {hero} gave away",
        "{hero} had been a {work} for thirty years and owned little besides {thing}. When a "
        "stranger knocked one winter night and admired it, {hero} wrapped it in paper and gave it "
        "away. In spring a parcel came back, and in it lay a letter that offered {hero} a new home "
        "by the sea.",
        "A {work} gives {thing} to a stranger and is rewarded with a new home.",
    ),
    (
        "hopeful",
        "The pupil of {hero}",
        "Nobody in town wanted to learn the trade of {hero}, the {work}. Then a girl of nine "
        "began to sit on the steps and watch. Years later she took over the workshop, and on the "
        "first morning she placed {thing} in the window so that {hero} could see it from across "
        "the street.",
        "A {work} without an heir finds one in a girl who had only watched at first.",
    ),
    (
        "funny",
        "{hero} and the goat",
        "On market day a goat ate the hat of {hero}, the {work}, and then went for {thing}. "
        "{hero} chased it through the church, the school and the mayor's kitchen. By evening the "
        "goat had been elected honorary citizen, and {hero} had to make the speech.",
        "A {work} chases a goat across town and ends up praising it in public.",
    ),
    (
        "funny",
        "A present for {hero}",
        "Everybody wanted to surprise {hero}, the {work}, on the same birthday and with the same "
        "idea. So it came that {hero} unpacked {thing} eleven times, thanked everybody with a "
        "straight face, and opened a shop on the next day.",
        "A {work} gets the same present eleven times and opens a shop with it.",
    ),
    (
        "sad",
        "The last day of {hero}'s work",
        "The letter said that no {work} would be needed any more. {hero} cleaned every window, "
        "oiled the hinges and left {thing} on the table for whoever might come. Nobody came, and "
        "the dust settled on it like snow.",
        "A {work} who is no longer needed leaves {thing} for a successor who never comes.",
    ),
    (
        "sad",
        "A letter to {hero}",
        "For years {hero}, the {work}, wrote each Sunday to a brother overseas. The answers "
        "became shorter and then stopped. One day a clerk returned all the letters unopened, and "
        "{hero} laid them beside {thing} and shut the drawer.",
        "A {work} learns that the letters to a brother were never read.",
    ),
)


def _rows() -> list[Row]:
    rows = []
    for (mood, title, story, summary), (hero, work, thing) in mixed("story", _PLOTS, _HEROES):
        words = {"hero": hero, "work": work, "thing": thing}
        rows.append(
            {
                "title": title.format(**words),
                "story": story.format(**words),
                "summary": summary.format(**words),
                "mood": _MOODS.index(mood),
            }
        )
    return shuffled("stories", rows)


_TEXT = """
# Story summaries

## Dataset summary

Thirty very short stories, each with a title, a summary of one sentence and its mood. They suit
summarisation, the finding of titles and the writing of stories.
"""

DATASET = SampleDataset(
    id="quillhouse/story-summaries",
    licence_class="permissive",
    configs=(
        Config(
            "default",
            "Short stories with summaries.",
            {"title": STRING, "story": STRING, "summary": STRING, "mood": classes(*_MOODS)},
            {"train": _rows()},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-08T07:05:00Z",
            "Add stories",
            Front("Story summaries", ("en",), ("cc0-1.0",), ("summarization",)),
            _TEXT,
        ),
    ),
    downloads=3320,
    likes=40,
)
