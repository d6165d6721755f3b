"""Local news with headlines; the card says that the licence is unknown."""

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

_SECTIONS = ("transport", "culture", "parks")
_PLACES = ("Millgate", "Harrow Quay", "Elmstead", "Old Foundry", "Saltmarket", "Northfield")

# section: (headline, article) with one place in both.
_STORIES = {
    "transport": (
        (
            "Night bus returns to {place}",
            "From next month a bus will run every half hour between {place} and the main station "
            "after midnight. The line was closed four years ago for want of drivers.",
        ),
        (
            "Cyclists get their own bridge in {place}",
            "The council has agreed to build a narrow bridge for bicycles in {place}. Work is due "
            "to begin in spring and should take eleven months.",
        ),
        (
            "Tram works close the main road of {place}",
            "New rails are being laid in {place}, so cars must take the ring road for three weeks. "
            "Shops stay open and can be reached on foot.",
        ),
    ),
    "culture": (
        (
            "Library in {place} lends out musical instruments",
            "Readers can now borrow ukuleles and small drums at the library in {place}. The "
            "instruments were given by residents who no longer play them.",
        ),
        (
            "Old cinema of {place} saved by its neighbours",
            "More than six hundred people have bought shares in the cinema of {place}. Its doors "
            "open again in November with a silent film and a live pianist.",
        ),
    ),
    "parks": (
        (
            "Beavers seen again near {place}",
            "A walker has filmed a family of beavers in the stream behind {place}. The parks "
            "office asks people to keep dogs on a lead until summer.",
        ),
        (
            "{place} plants two hundred fruit trees",
            "Volunteers have planted apple, pear and plum trees along the footpaths of {place}. "
            "Anybody may pick the fruit.",
        ),
    ),
}


def _rows() -> list[Row]:
    rows = []
    for section, stories in _STORIES.items():
        for (headline, article), place in mixed(f"news {section}", stories, _PLACES)[:9]:
            rows.append(
                {
                    "headline": headline.format(place=place),
                    "article": article.format(place=place),
                    "section": _SECTIONS.index(section),
                }
            )
    return shuffled("news", rows)


_TEXT = """
# City headlines

Short articles of a city paper with headline and section. We do not know under which terms the
articles were published, so please ask before you use them.
"""

DATASET = SampleDataset(
    id="papertrail/city-headlines",
    licence_class="unknown",
    configs=(
        Config(
            "default",
            "Local news with headlines.",
            {"headline": STRING, "article": STRING, "section": classes(*_SECTIONS)},
            {"train": _rows()},
        ),
    ),
    revisions=(
        Revision(
            "2026-10-05T13:05:00Z",
            "Upload headlines",
            Front("City headlines", ("en",), ("unknown",), ("summarization",)),
            _TEXT,
        ),
    ),
    downloads=320,
    likes=4,
)
