"""The card is true to the content, valid for the Hub, and shows foreign text as text."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from bs4 import BeautifulSoup
from huggingface_hub import DatasetCard
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dynosaur_etl.snapshots import card as room
from dynosaur_etl.snapshots.build import write_snapshot
from dynosaur_etl.snapshots.card_metadata import size_category
from dynosaur_etl.snapshots.layout import FIGURES
from dynosaur_etl.snapshots.licences import OBLIGATIONS, carries
from dynosaur_etl.snapshots.markdown import escaped, link
from tests.snapshots.factories import PLAIN, Source, content, rejects, snapshot

TABLE_TAGS = {"table", "thead", "tbody", "tr", "th", "td", "p"}
HOSTILE = (
    "<script>alert(1)</script>|x",
    "a | b\n| --- |\n# Title",
    "![img](http://evil.example/x.png) `code` **bold** _em_",
    "www.evil.example http://evil.example <http://evil.example>",
    "---\nlicense: mit\n---\n",
    "{{ 7 * 7 }}{% raw %}&lt;b&gt;",
    "\\| \\` ~~no~~ &#124; [x]: http://evil.example",
    "日本語 🦖 \u202eabc\x07",
)


def body_of(folder: Path) -> str:
    return (folder / "README.md").read_text().split("\n---\n", 1)[1]


def metadata_of(folder: Path) -> dict[str, Any]:
    text = (folder / "README.md").read_text()
    loaded: dict[str, Any] = yaml.safe_load(text.removeprefix("---\n").split("\n---\n", 1)[0])
    return loaded


def rendered(markdown: str) -> BeautifulSoup:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return BeautifulSoup(parser.render(markdown), "html.parser")


def one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


@settings(deadline=None)
@given(st.text() | st.sampled_from(HOSTILE))
def test_escaped_text_shows_as_itself_in_a_table_and_a_paragraph(text: str) -> None:
    html = rendered(f"| a | b |\n|---|---|\n| {escaped(text)} | x |\n\nSaid {escaped(text)}")
    assert [cell.get_text() for cell in html.find_all("td")] == [one_line(text), "x"]
    assert html.p is not None
    assert one_line(html.p.get_text()) == one_line(f"Said {text}")
    assert {tag.name for tag in html.find_all(True)} <= TABLE_TAGS


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:x", "//x.org", "", "https:///x"])
def test_only_a_web_address_becomes_a_link(url: str) -> None:
    assert link("a_b", url) == "a\\_b"


def test_an_address_cannot_leave_its_link() -> None:
    anchored = link("x]", 'https://a.org/b) <i>|`[c](d) "e')
    html = rendered(f"| {anchored} | y |\n|---|---|")
    anchors = html.find_all("a")
    assert [(anchor.get_text(), str(anchor["href"])[:16]) for anchor in anchors] == [
        ("x]", "https://a.org/b%")
    ]
    assert [cell.get_text() for cell in html.find_all("th")] == ["x]", "y"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_change_nothing_of_the_card(tmp_path: Path, name: str) -> None:
    source = Source(name, licence="mit", pretty_name=name, languages=name, url=name)
    folder = tmp_path / "one"
    whole = content(
        source, Source("ann/news"), parameters={name: name}, rejects=rejects(("examine", name, 1))
    )
    write_snapshot(whole, 1, None, folder)
    plain = rendered(body_of(snapshot(tmp_path / "plain", Source("x/y"), Source("ann/news"))))
    html = rendered(body_of(folder))
    assert [tag.get_text() for tag in html.find_all(re.compile("h[1-6]"))] == [
        tag.get_text() for tag in plain.find_all(re.compile("h[1-6]"))
    ]
    assert not html.find_all(["script", "b", "i", "del"])
    assert [str(image["src"]) for image in html.find_all("img")] == list(FIGURES)
    assert all("evil" not in str(anchor["href"]) for anchor in html.find_all("a"))
    cells = [cell.get_text() for cell in html.find_all("td")]
    assert one_line(name) in cells
    metadata = metadata_of(folder)
    assert metadata["license"] == "mit"
    assert metadata["source_datasets"] == ["ann/news"]


def test_the_hubs_own_reader_takes_the_card(tmp_path: Path) -> None:
    folder = snapshot(tmp_path / "one", Source("ann/news", languages="en, de, x|y"))
    data = DatasetCard.load(folder / "README.md").data
    assert data.license == "mit"
    assert data.language == ["de", "en"]
    assert data.size_categories == ["n<1K"]
    assert data.annotations_creators == ["machine-generated"]
    assert data.language_creators == ["found"]
    assert data.source_datasets == ["ann/news"]


def test_dataset_info_tells_the_files_as_they_are(tmp_path: Path) -> None:
    folder = snapshot(tmp_path / "one")
    info = {entry["config_name"]: entry for entry in metadata_of(folder)["dataset_info"]}
    train = folder / "data" / "train-00000-of-00001.parquet"
    assert info["default"]["download_size"] == train.stat().st_size
    assert info["default"]["splits"][0]["num_examples"] == 5
    assert info["tasks"]["splits"][0]["num_examples"] == 2
    assert metadata_of(folder)["configs"][0]["default"] is True


@pytest.mark.parametrize("licences", [("mit", "cc-by-4.0"), ("mit, cc-by-4.0",), ("my-own",)])
def test_mixed_or_unknown_licences_are_other_with_a_table(
    tmp_path: Path, licences: tuple[str, ...]
) -> None:
    sources = [Source(f"a/{i}", licence=licence) for i, licence in enumerate(licences)]
    folder = snapshot(tmp_path / "one", *sources)
    assert metadata_of(folder)["license"] == "other"
    cells = [cell.get_text() for cell in rendered(body_of(folder)).find_all("td")]
    assert set(licences) <= set(cells)


def test_obligations_stand_above_everything_else(tmp_path: Path) -> None:
    sources = (
        Source("a/free", rows=(0, 1, 2)),
        Source("a/shared", licence="cc-by-sa-4.0"),
        Source("a/paid", licence="cc-by-nc-sa-4.0", rows=(4,)),
    )
    quotes = rendered(body_of(snapshot(tmp_path / "one", *sources))).find_all("blockquote")
    told = [" ".join(quote.get_text().split()) for quote in quotes]
    assert "Non-commercial sources. 1 of 3 sources (cc-by-nc-sa-4.0), with 1 of 6 rows" in told[0]
    assert "2 of 3 sources (cc-by-nc-sa-4.0; cc-by-sa-4.0), with 3 of 6 rows" in told[1]
    body = body_of(tmp_path / "one")
    assert body.index("> **Share-alike") < body.index("instructions with input")


def test_free_licences_raise_no_notice(tmp_path: Path) -> None:
    assert "\n>" not in body_of(snapshot(tmp_path / "one"))


@pytest.mark.parametrize(
    ("licence", "titles"),
    [
        ("mit", ""),
        ("cc-by-4.0", ""),
        ("cc-by-nc-4.0", "Non-commercial"),
        ("cc-by-nd-4.0", "Sources without"),
        ("agpl-3.0", "Share-alike"),
        ("mit, odbl", "Share-alike"),
        ("cdla-sharing-1.0", "Share-alike"),
        ("unlicense", ""),
        ("ncsa", ""),
    ],
)
def test_knows_what_a_licence_asks(licence: str, titles: str) -> None:
    found = [obligation.title for obligation in OBLIGATIONS if carries(licence, obligation)]
    assert [title.startswith(titles) for title in found] == ([True] if titles else [])


def test_figures_are_those_of_the_content(tmp_path: Path) -> None:
    first = snapshot(tmp_path / "one")
    html = rendered(body_of(snapshot(tmp_path / "two", Source("a/b"), version=2, parent=first)))
    rows = [[cell.get_text() for cell in row.find_all("td")] for row in html.find_all("tr")]
    assert ["datasets seen", "9"] in rows
    assert ["examine", "no_card", "The repository has no card at that revision.", "2"] in rows
    assert ["added", "2", "new source: 2"] in rows
    assert ["dropped", "5", "source gone: 5"] in rows
    assert rows.index(["datasets seen", "9"]) < rows.index(["pool", "40"])


def test_a_revision_links_to_its_source(tmp_path: Path) -> None:
    html = rendered(body_of(snapshot(tmp_path / "one", Source("a/b", url="https://hub.org/a/b"))))
    anchor = html.find("a", href="https://hub.org/a/b")
    assert anchor is not None
    assert anchor.get_text() == Source("a/b").revision[:12]


def test_a_long_list_of_sources_is_cut_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "SOURCES_LISTED", 1)
    body = body_of(snapshot(tmp_path / "one", *PLAIN))
    assert "These are the 1 sources with the most rows; all 2 are in" in body
    assert "| bob/weather |" in body
    assert "| ann/news |" not in body


@pytest.mark.parametrize(
    ("rows", "name"),
    [(1, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (10**6, "1M<n<10M"), (10**12, "n>1T")],
)
def test_size_categories(rows: int, name: str) -> None:
    assert size_category(rows) == name


@pytest.mark.parametrize(
    ("limit", "words"),
    [(1, "under 1 instruction at most"), (2, "under 2 instructions at most"), (0, None)],
)
def test_the_limit_of_instructions_a_row_is_stated(
    tmp_path: Path, limit: int, words: str | None
) -> None:
    whole = content(parameters={"k": 2, "instructions_per_row": limit})
    write_snapshot(whole, 1, None, tmp_path / "one")
    text = body_of(tmp_path / "one")
    assert ("instruction" in text and words in text) if words else "at most (`DYN" not in text
