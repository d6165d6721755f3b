"""A card of anybody's making is shown without markup of its own, scripts or foreign pictures."""

import re

import pytest

from dynosaur_etl.pages.markdown import card_html

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "text <b onclick=alert(1)>bold</b>",
    "[x](javascript:alert(1))",
    "[x](data:text/html,1)",
    "![x](https://evil.example/p.png)",
    '![x" onload="alert(1)](//evil.example/p.png)',
    "[x](//evil.example)",
    "[x](../../etc/passwd)",
    "[x](/run/dag)",
    '<https://evil.example/"onclick=alert(1)>',
    "| a |\n|---|\n| <i>x</i> |",
    "| a | b |\n|:-:|--:|\n| x | y |",
    "```html\n<script>alert(1)</script>\n```",
]
ALLOWED = r"</?(?:p|a|div|h\d|table|thead|tbody|tr|th|td|pre|code|ul|li|em|strong)(?: [^<>]*)?>"


@pytest.mark.parametrize("card", HOSTILE)
def test_a_card_brings_no_markup_and_no_place_of_its_own(card: str) -> None:
    shown = str(card_html(card, {"README.md"}, "/files"))
    assert "<" not in re.sub(ALLOWED, "", shown)
    for opened in re.findall(r"<[^>]*>", shown):
        assert not re.search(r"\son\w+\s*=(?![^\"]*\"[^\"]*$)", opened.replace("&quot;", "'"))
    assert "style=" not in shown
    places = re.findall(r'href="([^"]*)"', shown)
    assert all(place.startswith(("https://evil.example/", "/files/")) for place in places)


def test_what_a_card_says_is_shown_as_text() -> None:
    links = "A **set**: [file](./data/a.csv), ![fig](figures/b.png)\n"
    card = f"---\nlicense: mit\n---\n# Name\n\n{links}"
    shown = card_html(card, {"data/a.csv", "figures/b.png"}, "/files")
    assert "license" not in shown
    assert "<h3>Name</h3>" in shown
    assert "<strong>set</strong>" in shown
    assert '<a href="/files/data/a.csv">file</a>' in shown
    assert '<a href="/files/figures/b.png">fig</a>' in shown
    web = card_html("[x](https://huggingface.co/a)", set(), "/files")
    assert 'target="_blank" rel="noopener noreferrer"' in web
