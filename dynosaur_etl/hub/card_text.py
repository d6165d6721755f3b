"""The Markdown of a card as sections of plain text."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PageElement, Tag
from markdown_it import MarkdownIt
from markdown_it.token import Token

MAX_MARKDOWN = 100_000
MAX_SUMMARY = 2_000
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
    r"|an? example of .{0,60} looks as follows|here are some examples of questions and facts:?"
    r"|provide a (?:quick|longer) summary of .{0,40}|add a description.{0,40})\s*[\])]?\.?",
    re.IGNORECASE,
)
_UNFILLED = re.compile(
    r"[\[(]?\b(?:more information needed|needs more information)\b[\])]?", re.IGNORECASE
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\ufffe\uffff]")
_SPACES = re.compile(r"[^\S\n]+")
_MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
_MARKDOWN.render("text")  # a parser's first text compiles its rules, which no two threads may do
_BLOCK_PARSER = MarkdownIt("commonmark", {"html": True}).enable("table")
_BLOCK_PARSER.core.ruler.enableOnly(["normalize", "block"])  # the costly part is left out
_BLOCK_PARSER.parse("text")


@dataclass(frozen=True)
class Section:
    """A heading as it is written, empty before the first one, and the Markdown up to the next."""

    title: str
    markdown: str


@dataclass(frozen=True)
class ParsedText:
    """A card's Markdown as blocks.

    Attributes:
        lines: of the part that is parsed, its first 100,000 characters.
        tokens: the blocks of it, in the parser's form; the text within is as it is written.
        rest: what is too long to be parsed.
        targets: where its named links lead, by name.
    """

    lines: Sequence[str]
    tokens: Sequence[Token]
    rest: str
    targets: Mapping[str, str]


def parse_text(markdown: str) -> ParsedText:
    """Parse the blocks of Markdown, and not what stands in them, which costs far more."""
    text = markdown[:MAX_MARKDOWN]
    lines = re.sub(r"\r\n?", "\n", text).split("\n")  # as the parser counts lines
    found: dict[str, Any] = {}
    tokens = _BLOCK_PARSER.parse(text, found)
    named = found.get("references", {}).items()
    targets = {str(name): str(told.get("href", "")) for name, told in named}
    return ParsedText(lines, tokens, markdown[MAX_MARKDOWN:], targets)


def sections_of(parsed: ParsedText) -> list[Section]:
    """Part Markdown at its headings."""
    lines, sections = parsed.lines, []
    title, start = "", 0
    for heading, words in pairwise(parsed.tokens):
        if heading.type == "heading_open" and heading.level == 0 and heading.map:
            sections.append(Section(title, "\n".join(lines[start : heading.map[0]])))
            title, start = words.content, heading.map[1]
    return [*sections, Section(title, "\n".join(lines[start:]))]


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


def plain_text(markdown: str) -> str:
    """Give Markdown as plain text, without the code, tables and pictures in it."""
    html = BeautifulSoup(_MARKDOWN.render(markdown), "html.parser")
    return clean("".join(_texts(html)))


def _texts(root: Tag) -> Iterator[str]:
    """Yield the texts below a tag, with a line break before each block.

    One walk with a stack and no change to the tree: deeply nested HTML takes linear time.
    """
    pending: list[PageElement] = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, Tag):
            if node.name in _UNREAD or _is_contents(node):
                continue
            if node.name in _BLOCKS:
                yield "\n"
            pending += reversed(node.contents)
        elif type(node) is NavigableString:  # comments and the like are subclasses
            yield node.replace("\n", " ")


def _described(section: Section) -> str:
    lines = _UNFILLED.sub("", plain_text(section.markdown)).splitlines()
    return "\n".join(line.strip() for line in lines if not _is_boilerplate(line))


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


def _is_contents(tag: Tag) -> bool:
    """Whether a tag is a line of a table of contents: an item whose link leads into the card."""
    if tag.name != "li":
        return False
    first = next((child for child in tag.contents if isinstance(child, Tag)), None)
    if first is not None and first.name == "p":
        first = next((child for child in first.contents if isinstance(child, Tag)), None)
    return first is not None and str(first.get("href", "")).startswith("#")


def _words(title: str) -> str:
    return " ".join(re.findall(r"\w+", title.lower()))
