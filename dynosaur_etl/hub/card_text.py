"""The Markdown of a card as sections of plain text."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bs4 import BeautifulSoup, Comment, Tag
from markdown_it import MarkdownIt
from markdown_it.token import Token

MAX_MARKDOWN = 200_000
MAX_SUMMARY = 2_000
MAX_LICENCE_TEXT = 5_000
_LEAST_SUMMARY = 30
_NO_DESCRIPTION = (
    "table of contents", "contents", "supported tasks", "languages", "dataset structure",
    "data instances", "data fields", "data splits", "dataset creation", "licensing", "license",
    "citation", "contribution", "additional information", "considerations", "how to use", "usage",
)  # fmt: skip

_BLOCKS = ("p", "li", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "div", "br")
_UNREAD = ("script", "style", "pre", "table", "img", "iframe", "svg", "form", "object", "head")
_BOILERPLATE_LABELS = (
    "homepage", "repository", "paper", "leaderboard", "point of contact", "size of downloaded",
    "size of the generated", "total amount of disk", "total size", "source", "demo", "blog",
    "github", "website", "curated by", "funded by", "shared by", "language(s)", "license",
    "leaderboards", "contact", "url", "code",
)  # fmt: skip
_LABEL = re.compile(
    rf"(?:{'|'.join(map(re.escape, _BOILERPLATE_LABELS))})[^:.\n]{{0,40}}:", re.IGNORECASE
)
_PLACEHOLDER = re.compile(
    r"[\[(]?\s*(?:more information needed|needs more information|n/?a|todo|tbd"
    r"|provide a (?:quick|longer) summary of .{0,40}|add a description.{0,40})\s*[\])]?\.?",
    re.IGNORECASE,
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\ufffe\uffff]")
_SPACES = re.compile(r"[^\S\n]+")
_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")


@dataclass(frozen=True)
class Section:
    """A heading's plain text, empty before the first one, and the tokens up to the next."""

    title: str
    tokens: tuple[Token, ...]


def read_sections(markdown: str) -> list[Section]:
    """Part Markdown at its headings; only its first 200,000 characters are read."""
    sections = [Section("", ())]
    pending: list[Token] = []
    tokens = iter(_MARKDOWN.parse(markdown[:MAX_MARKDOWN]))
    for token in tokens:
        if token.type == "heading_open" and token.level == 0:
            sections[-1] = Section(sections[-1].title, tuple(pending))
            pending = []
            sections.append(Section(_title(next(tokens)), ()))
            next(tokens)  # the heading's end
        else:
            pending.append(token)
    sections[-1] = Section(sections[-1].title, tuple(pending))
    return sections


def summary_of(sections: Iterable[Section]) -> str:
    """Give the description of a card in at most 2,000 characters.

    'Dataset Summary', else 'Dataset Description', else the first section with a real paragraph;
    contact lists, tables of contents and placeholders are left out.
    """
    sections = list(sections)
    for wanted in ("dataset summary", "dataset description"):
        texts = [_described(item) for item in sections if _words(item.title) == wanted]
        if texts and len(texts[0]) >= _LEAST_SUMMARY:
            return shorten(texts[0], MAX_SUMMARY)
    return shorten(next(_first_described(sections), ""), MAX_SUMMARY)


def licence_text_of(sections: Iterable[Section]) -> str:
    """Give the text of every section whose heading speaks of licensing."""
    texts = [
        plain_text(section.tokens)
        for section in sections
        if re.search(r"licen[cs]|terms of use|copyright", section.title, re.IGNORECASE)
    ]
    return shorten("\n".join(filter(None, texts)), MAX_LICENCE_TEXT)


def clean(text: str) -> str:
    """Drop control characters and squeeze blanks; line breaks stay, one at a time."""
    lines = (_SPACES.sub(" ", line).strip() for line in _CONTROLS.sub("", text).splitlines())
    return "\n".join(line for line in lines if line)


def shorten(text: str, limit: int) -> str:
    """Cut a text that is too long at the last sentence or else blank before the limit."""
    if len(text) <= limit:
        return text
    head = text[:limit]
    stop = max(head.rfind(". ") + 1, head.rfind("\n"))
    return head[: stop if stop > limit // 2 else max(head.rfind(" "), 1)].rstrip()


def plain_text(tokens: Iterable[Token]) -> str:
    """Give Markdown tokens as plain text, without the code, tables and pictures in them."""
    html = _MARKDOWN.renderer.render(list(tokens), _MARKDOWN.options, {})
    soup = BeautifulSoup(html, "html.parser")
    for element in soup(_UNREAD):
        element.decompose()
    for comment in soup(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    for item in [item for item in soup("li") if _is_contents(item)]:
        item.decompose()
    for text in list(soup.find_all(string=lambda text: "\n" in text)):
        text.replace_with(text.replace("\n", " "))
    for block in soup(_BLOCKS):
        block.append("\n")
    return clean(soup.get_text())


def _described(section: Section) -> str:
    lines = plain_text(section.tokens).splitlines()
    return "\n".join(line for line in lines if not _is_boilerplate(line))


def _first_described(sections: Iterable[Section]) -> Iterator[str]:
    for section in sections:
        if _words(section.title).startswith(_NO_DESCRIPTION):
            continue
        text = _described(section)
        if len(text) >= _LEAST_SUMMARY and " " in text:
            yield text


def _is_boilerplate(line: str) -> bool:
    bare = line.strip("-*•_# \t")
    return not bare.strip(":") or bool(_LABEL.match(bare) or _PLACEHOLDER.fullmatch(bare))


def _is_contents(item: Tag) -> bool:
    """Whether a list's item is a table of contents' line: its own link leads into the card."""
    link: Any = item.find("a")
    return link is not None and str(link.get("href", "")).startswith("#")


def _title(heading: Token) -> str:
    return clean(" ".join(part.content for part in heading.children or () if part.content))


def _words(title: str) -> str:
    return " ".join(re.findall(r"\w+", title.lower()))
