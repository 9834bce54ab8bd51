"""A page as lines of text: what a person reads, follows, fills in and presses. No styling, no scripts."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_SILENT = frozenset({"script", "style", "svg", "template"})
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "button",
        "caption",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "label",
        "legend",
        "li",
        "main",
        "nav",
        "ol",
        "option",
        "p",
        "pre",
        "section",
        "select",
        "summary",
        "table",
        "tbody",
        "td",
        "textarea",
        "tfoot",
        "th",
        "thead",
        "title",
        "tr",
        "ul",
    ]
)
#: Attributes that a person or a program without our styles depends on.
_SHOWN = ("action", "method", "name", "type", "value", "href", "alt", "aria-label", "title", "placeholder",
          "role", "lang")  # fmt: skip
_FLAGS = ("required", "checked", "selected", "disabled", "hidden", "open", "multiple")
_MARKED = frozenset(
    [
        "a",
        "audio",
        "button",
        "details",
        "fieldset",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "html",
        "img",
        "input",
        "li",
        "option",
        "select",
        "summary",
        "table",
        "textarea",
        "th",
        "tr",
        "video",
    ]
)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[str] = []
        self.links: list[str] = []
        self.forms: list[str] = []
        self._words: list[str] = []
        self._silent = 0

    def _break(self) -> None:
        text = re.sub(r"\s+", " ", "".join(self._words)).strip()
        if text:
            self.lines.append(text)
        self._words = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent += 1
        if self._silent:
            return
        values = dict(attrs)
        if tag == "a" and values.get("href"):
            self.links.append(values["href"] or "")
        if tag in _BLOCKS or tag == "input":
            self._break()
        if tag not in _MARKED:
            return
        shown = [f'{name}="{values[name]}"' for name in _SHOWN if values.get(name)]
        shown += [name for name in _FLAGS if name in values]
        if tag == "a":
            self._words.append(f"[{values.get('href') or ''}] ")
        elif shown or tag in {"h1", "h2", "h3", "h4", "th", "tr", "li"}:
            self._break()
            self.lines.append(" ".join([f"<{tag}>", *shown]))

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _BLOCKS and not self._silent:
            self._break()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag in _SILENT or tag not in _VOID:
            self.handle_endtag(tag)

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._words.append(data)

    def close(self) -> None:
        super().close()
        self._break()


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


def dom_text(html: str) -> str:
    """The page as lines: texts, and controls with their attributes."""
    return "\n".join(_read(html).lines)


def links(html: str) -> list[str]:
    """The addresses of all links, in order."""
    return _read(html).links


def hidden_value(html: str, name: str) -> str:
    """The value of the input with this name. Raises `LookupError`."""
    for tag in re.findall(r"<input\b[^>]*>", html):
        if re.search(rf'\bname="{re.escape(name)}"', tag) and (found := re.search(r'\bvalue="([^"]*)"', tag)):
            return found[1]
    raise LookupError(name)
