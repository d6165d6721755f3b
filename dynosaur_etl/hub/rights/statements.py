"""Every sentence of a card that may speak of rights, wherever it stands, with its heading.

Read are the YAML's values, headings, paragraphs, lists, tables, code, HTML, comments in it, and the
targets of links and pictures. What no word of `_RIGHTS` stands in is passed over at once: it is
cheap, and broad on purpose, since what follows weighs each sentence by itself.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

from bs4 import BeautifulSoup, Comment
from bs4.element import NavigableString, Tag
from markdown_it.token import Token

from dynosaur_etl.domain.models import Statement
from dynosaur_etl.domain.text import clean_text
from dynosaur_etl.hub.card_text import ParsedText, clean

MAX_STATEMENTS = 2_000
MAX_STATEMENT = 1_000
_MAX_LEAD = 200
_MAX_LINE = 10_000

_RIGHTS = re.compile(
    r"\b(?:adapt|academ|agree|allow|alter|approv|authori|availab|bann?\b|banned|business|cc\b|chang|charge"
    r"|classroom|comer|commer|compan|condition|confid|consent|contact|contract|copy|copies|creative"
    r"|delet|deriv|display|distrib|e-?mail|earn|edit|educat|embargo|enquir|enterprise|exclu|fee\b"
    r"|forbid|forsch|gain|giv|gnu|[al]?gpl|hand|hobb|host|industr|inquir|internal|investigaci|keep"
    r"|kommer|lease|leave|licen|lizenz|limit|member|mirror|mix|modif|monet|money|nc\b|nd[ab]?\b|nicht"
    r"|non?commer|only|open.?data|odbl|paid|pass|pay\b|permi|pesquisa|person|polic|priva|profi"
    r"|prohib|proprie|publi|purely|purpos|recherche|redist|releas|remix|rent\b|repost|reproduc"
    r"|republi|request|resale|resell|research|restrict|re-?up|re-?us|ricerca|rights?\b|sale|sa\b"
    r"|scholar|school|scien|sell|shar[ei]|sold|sole|strict|student|sublicen|teach|terms|tos\b|trad"
    r"|train|transfer|translat|un(?:alter|author|chang|modif)|universit|unlicen|upload|us(?:e|es"
    r"|ed|ing|age)\b|utili[sz]|verbatim|by-)|©|[商研许授学版权연상]"
)
_SKIPPED_KEYS = frozenset(
    {
        "license", "licenses", "licence", "language", "languages", "configs", "task_categories",
        "task_ids", "size_categories", "annotations_creators", "language_creators",
        "multilinguality", "source_datasets", "train-eval-index", "paperswithcode_id",
        "pretty_name", "features", "splits", "data_files", "names", "language_bcp47", "dtype",
    }
)  # fmt: skip
_UNREAD = ("script", "style", "svg")
_LEAST_CODE = 30
_PROGRAM = re.compile(r"[\"']\w{1,40}[\"']\s?:\s|\w\.\w+\(|(?<!\S)\w+ = \S")
_SIGNS = re.compile(r"[{}\[\]<>=;_\\\"|]|'[^\w\s]")
_EXAMPLES = re.compile(
    r"\b(?:instance|example|sample|field|structure|format|citation|prompt|preprocess)"
)
_BREAKS = frozenset(
    {"p", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "div", "br", "table", "ul",
     "ol", "details", "summary", "pre", "hr", "dt", "dd"}
)  # fmt: skip
_TARGETS = ("href", "src", "alt", "title")
_LINK = re.compile(
    r"!?\[((?:[^\[\]\n]|\[[^\[\]\n]{0,200}\]){0,500})\]\(<?([^()\s]{0,500}(?:\([^()\s]{0,100}\)[^()\s]{0,200})?)>?(?:\s+[\"'][^\"'\n]{0,300}[\"'])?\)"
)
_NESTED = 2  # a picture within a link
_AUTOLINK = re.compile(r"<(https?://[^<>\s]{1,500})>")
_NAMED_LINK = re.compile(r"!?\[([^\[\]\n]{0,500})\]\[[^\[\]\n]{0,200}\]")
_EMPHASIS = re.compile(r"(?<!\w)[*_]{1,3}(?=\S)|(?<=\S)[*_]{1,3}(?!\w)|[`~]{1,3}|\\(?=[^\w\s])")
_STOP = re.compile(
    r"(?<=[.!?;。！？])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bcf\.)(?<!\bvs\.)(?<!\bno\.)(?<!\bNo\.)"
    r"(?<!\bInc\.)(?<!\bLtd\.)(?<!\bet al\.)(?<!\bv\.)(?<!\bver\.)(?<!\bdr\.)(?<!\bDr\.)"
    r"(?:[\"')\]]{0,2})\s+(?=[\"'(\[«“*-]{0,3}[\w©])|\n+|(?<=[。！？])"
)
_BIBTEX = re.compile(r"@\w+\s*\{.{0,20000}?(?:\n\s*\}|\}\s*$)", re.DOTALL)
_NEW_LINE = re.compile(r"\n(?=\s*(?:[-*#>|@•]|\d+[.)]|\n))|(?<=[.:;!?])\n")


def speaks_of_rights(text: str) -> bool:
    """Return whether a text holds a word that a statement on rights could not do without."""
    return _RIGHTS.search(text.lower()) is not None


def statements_of(metadata: Mapping[str, Any], parsed: ParsedText) -> tuple[Statement, ...]:
    """Return the sentences that may speak of rights, in the card's order, each once.

    Args:
        metadata: the card's YAML.
        parsed: its Markdown; the lines of what is too long to be parsed are read as they are.
    """
    found = dict.fromkeys(
        (
            *_of_yaml(metadata),
            *_of_markdown(parsed.tokens),
            *_of_targets(parsed.targets),
            *_of_lines(parsed.rest),
        )
    )
    return tuple(found)[:MAX_STATEMENTS]


def sentences_of(text: str) -> list[str]:
    """Part a text as a card's is parted, into the sentences that may speak of rights."""
    return [statement.text for statement in _sentences("", text)]


def _of_yaml(metadata: Mapping[str, Any]) -> Iterator[Statement]:
    for key, text in _leaves(metadata, ""):
        name = clean_text(key)
        yield from _sentences(name, f"{name}: {text}")


def _of_targets(targets: Mapping[str, str]) -> Iterator[Statement]:
    for name, target in targets.items():
        yield from _sentences("", f"{name}: {unquote(target)}")


def _of_lines(rest: str) -> Iterator[Statement]:
    for line in rest.splitlines():
        if speaks_of_rights(line):
            yield from _sentences("", line[:_MAX_LINE])


def _leaves(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            if name not in _SKIPPED_KEYS:
                yield from _leaves(item, str(name)[:100])
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, key)
    elif isinstance(value, str):
        yield key, value


def _of_markdown(tokens: Sequence[Token]) -> Iterator[Statement]:
    walk = _Walk()
    for before, token in pairwise([Token("", "", 0), *tokens]):
        yield from walk.step(before, token)


class _Walk:
    """A walk over the blocks, with the heading and the lines that lead into the open lists."""

    def __init__(self) -> None:
        self._headings: list[tuple[str, str]] = []
        self._last = ""
        self._leads: list[str] = []
        self._head: list[str] = []
        self._row: list[str] = []

    def step(self, before: Token, token: Token) -> Iterator[Statement]:
        kind = token.type
        if kind == "inline":
            yield from self._inline(before, token.content)
        elif kind.endswith("_list_open"):
            self._leads.append(self._last if self._last.endswith(":") else self._lead)
        elif kind.endswith("_list_close"):
            self._leads.pop()
        elif kind == "tr_close":
            yield from self._end_row()
        elif kind == "thead_open":
            self._head = []
        elif kind in ("fence", "code_block") and not self._shows_examples:
            yield from _sentences(self._place, _unwrapped(_BIBTEX.sub("", token.content)))
        elif kind == "html_block":
            yield from _of_html(self._place, token.content)

    @property
    def _lead(self) -> str:
        return self._leads[-1] if self._leads else ""

    @property
    def _place(self) -> str:
        return self._headings[-1][1] if self._headings else ""

    @property
    def _shows_examples(self) -> bool:
        return any(_EXAMPLES.search(title.lower()) for _, title in self._headings)

    def _inline(self, before: Token, content: str) -> Iterator[Statement]:
        opened = before.type
        if opened in ("td_open", "th_open"):
            self._row.append(content)
        elif opened == "heading_open":
            self._last = _plain(content)
            above = (item for item in self._headings if item[0] < before.tag)
            self._headings = [*above, (before.tag, self._last)]
            yield from _sentences("", content)
        else:
            text = _unwrapped(content)
            led = f"{self._lead} {text}" if self._lead else text
            yield from _sentences(self._place, led)
            self._last = _plain(text)[-_MAX_LEAD:] if text.rstrip("*_ ").endswith(":") else ""

    def _end_row(self) -> Iterator[Statement]:
        """Return a row as a statement; below the first one each cell has the name of its column."""
        head, row, self._row = self._head, self._row, []
        if not head:
            self._head = row
        if not speaks_of_rights(" | ".join(row)):
            return
        row = [_plain(cell) for cell in row]
        if head and len(head) == len(row):
            row = [
                f"{name}: {cell}" if name else cell
                for name, cell in zip(map(_plain, head), row, strict=True)
            ]
        yield from _sentences(self._place, " | ".join(row))


def _of_html(place: str, content: str) -> Iterator[Statement]:
    if speaks_of_rights(content):
        html = BeautifulSoup(content, "html.parser")
        yield from _sentences(place, "".join(_texts(html)))


def _texts(root: Tag) -> Iterator[str]:
    pending: list[Any] = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, Tag):
            if node.name in _UNREAD:
                continue
            yield "\n" if node.name in _BREAKS else " | " if node.name in ("td", "th") else " "
            yield from (f" {node.get(name)} " for name in _TARGETS if node.get(name))
            pending += reversed(node.contents)
        elif isinstance(node, Comment):
            yield f"\n{node}\n"
        elif isinstance(node, NavigableString):
            yield _unwrapped(str(node)).replace("\n", " ")


def _unwrapped(text: str) -> str:
    """Join the lines of a sentence that was broken to fit a page."""
    parts = _NEW_LINE.split(text)
    return "\n".join(" ".join(part.split()) for part in parts if part)


def _sentences(place: str, text: str) -> Iterator[Statement]:
    if not speaks_of_rights(text):
        return
    for line in _plain(text).split("\n"):
        for words in _with_answers(_STOP.split(line)):
            if speaks_of_rights(words) and not _is_code(words):
                yield Statement(place[:100], words[:MAX_STATEMENT])


def _is_code(words: str) -> bool:
    """Return whether a line is of a program or of its data: many signs that no sentence has."""
    is_signed = 12 * len(_SIGNS.findall(words)) > len(words)
    return len(words) > _LEAST_CODE and (is_signed or _PROGRAM.search(words) is not None)


def _with_answers(sentences: Iterable[str]) -> Iterator[str]:
    """Return sentences with their blanks squeezed; a question goes with what follows it."""
    asked = ""
    for sentence in sentences:
        words = " ".join(f"{asked} {sentence}".split())
        asked = words if words.endswith("?") else ""
        if words and not asked:
            yield words
    if asked:
        yield asked


def _plain(text: str) -> str:
    """Return the words of inline Markdown, and behind them where its links lead."""
    if "<" in text:
        text = _AUTOLINK.sub(r" \1 ", text)
    if "[" in text:
        for _ in range(_NESTED):
            text = _LINK.sub(lambda found: f"{found[1]} ({unquote(found[2])})", text)
        text = _NAMED_LINK.sub(r"\1", text)
    if "<" in text:
        text = "".join(_texts(BeautifulSoup(text, "html.parser")))
    return clean(_EMPHASIS.sub("", clean_text(text)))
