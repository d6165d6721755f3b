"""A dataset card as HTML that is safe to show: no markup of its own, nothing fetched from afar."""

import re
from collections.abc import Collection, MutableMapping, Sequence
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_BELOW = 2
"""By how many levels headings are lowered, as they stand below those of the page."""


class _Renderer(RendererHTML):
    """Writes links to the web that open beside the page, and pictures as links to their files."""

    def image(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: Any,  # noqa: ARG002 - the renderer's protocol
        env: MutableMapping[str, Any],
    ) -> str:
        token = tokens[idx]
        words = token.content or "picture"
        place = _place(str(token.attrs.get("src", "")), env)
        if place is None:
            return str(escape(words))
        return str(Markup('<a href="{}">{}</a>').format(place, words))

    def link_open(
        self,
        tokens: Sequence[Token],
        idx: int,
        options: Any,  # noqa: ARG002 - the renderer's protocol
        env: MutableMapping[str, Any],
    ) -> str:
        target = str(tokens[idx].attrs.get("href", ""))
        if target.startswith(("https://", "http://")):
            opened = Markup('<a href="{}" target="_blank" rel="noopener noreferrer">')
            return str(opened.format(target))
        place = _place(target, env)
        return "<a>" if place is None else str(Markup('<a href="{}">').format(place))


def card_html(card: str, files: Collection[str], address: str) -> Markup:
    """Return a card's Markdown as HTML, without its front matter.

    Args:
        card: the text of a `README.md`; markup in it is shown as text.
        files: names of the files that a link may lead to.
        address: below which they are served.
    """
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")
    env = {"files": files, "address": address}
    tokens = parser.parse(_FRONT_MATTER.sub("", card.replace("\r\n", "\n"), count=1), env)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1:]) + _BELOW, 6)}"
        if token.attrs.pop("style", "") == "text-align:right":
            token.attrs["class"] = "number"  # the pages allow no style within their text
    shown = parser.renderer.render(tokens, parser.options, env)
    return Markup(_reached_by_keys(shown))  # noqa: S704 - built above


def _reached_by_keys(shown: str) -> str:
    """Let what scrolls be scrolled by the keyboard; a text's own `<` never stands as such."""
    region = '<div class="scroll" role="region" aria-label="Table of the card" tabindex="0"><table>'
    opened = shown.replace("<pre>", '<pre tabindex="0">').replace("<table>", region)
    return opened.replace("</table>", "</table></div>")


def _place(target: str, env: MutableMapping[str, Any]) -> str | None:
    """Return the address of a file of the version; None for whatever else is meant."""
    name = unquote(target).removeprefix("./")
    return f"{env['address']}/{name}" if name in env["files"] else None
