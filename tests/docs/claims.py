"""Claims in the pages about what is found, and the cells of category and modality that were measured.

A statement claims something where a word such as "finds", "sees" or "recall", or a rate, and the name of
something that can be in a video stand together, not denied. It has to carry a comment such as
`<!-- measured: likeness/frames, likeness/image -->` with cells that are measured, for all that it is about
and in every modality that it names; or to say of the thing itself, in brackets behind it, that it is
unmeasured. Where words only look like a claim, `<!-- no claim: and why -->` says so, and the test knows how
many of these a page has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pages

CELLS = pages.DOCS / "benchmarks" / "cells.md"
READMES = ("README.md", "README.zh-Hans.md", "README.zh-Hant.md")

#: What a claim may be about, and the categories of it. One without a category can never be measured here.
SUBJECTS: dict[str, tuple[str, ...]] = {
    r"nudity|nude|naked|exposed bod|bare bod|裸": ("sexual",),
    r"sexual (?:content|imagery|scenes)|porn|色情": ("sexual",),
    r"\bfaces?\b|人脸|人臉": ("likeness",),
    r"\bblood\b|\bgore\b|wounds?\b|血腥": ("violence/graphic",),
    r"weapons?\b|\bguns?\b|武器": ("",),
    r"\bages?\b|how old|\bminors\b|\bchildren\b|年龄|年齡": ("minors-present",),
    r"symbols? of (?:movements of )?hate|hate(?:ful)? symbols?|仇恨符号|仇恨符號": ("hate/symbols",),
    r"\blogos?\b|\bbrands?\b|\bmarks\b|trademarks?|商标|商標": ("ip/brand",),
    r"fictional characters?|protected characters?": ("ip/character",),
    r"flicker|flash(?:es)? of light|photosensitiv|闪烁|閃爍": ("photosensitive",),
    r"subliminal|too brief to be noticed|single-frame": ("deception/subliminal",),
    r"\bviolen(?:ce|t)\b|暴力": ("violence",),
    r"\bhatred\b|\bhate\b(?! symbol)|仇恨": ("hate",),
    r"extremis[mt]|terroris[mt]|极端|極端": ("extremism",),
    r"self-harm|suicide|自残|自殘|自杀|自殺": ("self-harm",),
    r"harassment|bullying|骚扰|騷擾": ("harassment",),
    r"deep ?fakes?|deception|fake news|欺骗|欺騙": ("deception",),
    r"who a person is|whose (?:face|voice)|identity of|identif\w+ (?:people|persons)|人物身份": ("",),
    r"\bmoans?\b|\bscreams?\b|\bgunshots?\b|\bsirens?\b": ("",),
}
#: Words for finding. The coverage status "checked" is a claim only next to the name of content.
_FINDING = (
    r"\b(?:detect(?:s|ed|ing|ion|able)?|finds?|found|finding|recall|catch(?:es)?|caught|spot(?:s|ted)|sees?|seen"
    r"|recogni[sz]e[sd]?|look(?:s|ed|ing)? for|notice[sd]|identif(?:y|ies|ied)|check(?:s|ed)|hears?|heard"
    r"|screen(?:s|ed) for|flag(?:s|ged)|accura(?:te|cy)|miss(?:es|ed)|tells? apart|yes|every frame"
    r"|stops?|prevents?|filters? out|keeps?(?=.* out)|scan(?:s|ned) for)\b"
    r"|检测|檢測|偵測|识别|識別|看出|看得出|看到|发现|發現|找出|辨识|辨識|检查|檢查|准确|準確"
)
#: On a front door also this; elsewhere it tells what a rule does with a finding.
_STOPPING = (
    r"\b(?:block(?:s|ed|ing)?|filter(?:s|ed|ing)?|remove[sd]?|protect(?:s|ed)?|held|holds)\b"
    r"|拦截|攔截|阻止|过滤|過濾"
)
_DENIED = (
    r"\b(?:no|not|never|nothing|nobody|none|neither|nor|cannot|without|unmeasured|nor|don't|doesn't|isn't|can't|"
    r"unless|less)\b|\*\*no\*\*|不|没有|沒有|未经测量|未經測量|从不|從不|無人|无人"
)
#: With one of these words a denial becomes a claim.
_TWICE = r"\b(?:miss(?:es|ed|ing)?|overlook\w*|escape\w*|slips?|fails?)\b|漏"
#: Modalities that a statement names, and the word of the cell.
_NAMED = {
    r"\bframes?\b|画面|畫面": "frames",
    r"\bpictures\b|reference picture|图片|圖片": "image",
    r"\bprompts?\b|提示词|提示詞": "prompt",
    r"\b(?:sound|speech|spoken|transcripts?)\b|声音|聲音|语音|語音": "audio",
}
_FIGURE = re.compile(r"\d(?:[\d.]*) ?%|\b\d+ of \d+\b")
_MARKER = re.compile(r"<!-- measured: (?P<cells>[^>]*?) -->")
_NO_CLAIM = re.compile(r"<!-- no claim: (?P<why>[^>]*?) -->")
#: A thing with "(unmeasured)" behind it.
_SAID_SO = re.compile(
    r"(?:(?!\band\b|\bor\b)[^,;:.()，。、；：（）与與和|])*[(（][^()（）]*(?:unmeasured|未经测量|未經測量)[^()（）]*[)）]"
)
#: First cells of rows that say what is *not* claimed.
_DISCLAIMER = re.compile(r"\| *(?:never claimed|从不宣称|從不宣稱) *\|")
#: Parts that the code wrote: what options do, in their own words.
_WRITTEN = re.compile(r"<!-- written by tests/docs/generated\.py.*?<!-- end -->", re.S)
_CLAUSE = re.compile(r"[|,;:()（），；：、–—]|\band\b|\bbut\b|\bor\b(?! how)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A sentence, list item or table row, with the heading of the table, and the cells named in its block."""

    text: str
    named: frozenset[tuple[str, str]]
    links_to_figures: bool


@dataclass(frozen=True, kw_only=True)
class Claim:
    text: str
    categories: frozenset[str]
    modalities: frozenset[str]
    named: frozenset[tuple[str, str]]


def reasons(text: str) -> list[str]:
    """Reasons in the `no claim` comments of a page."""
    return [found["why"].strip() for found in _NO_CLAIM.finditer(text)]


def readers_pages() -> list[Path]:
    """The pages whose claims count: the front doors, and the documentation without docs/benchmarks."""
    return [*(pages.ROOT / name for name in READMES), *sorted(pages.DOCS.glob("*.md"))]


def elsewhere(page: Path = CELLS) -> dict[tuple[str, str], str]:
    """Cells that were measured in other runs, and the page with their figures.

    Raises `AssertionError` if that page does not contain the quoted text.
    """
    found = {}
    for row in pages.table(page, "category", "modality", "page", "text on that page"):
        [name], [words] = pages.codes(row["page"]), pages.codes(row["text on that page"])
        assert words in pages.read(page.parent / name), f"{name} does not say {words!r}"
        found[row["category"], row["modality"]] = name
    return found


def measured() -> frozenset[tuple[str, str]]:
    """Every cell with a figure: of the shipped runs, and of other runs."""
    from safelight.policy.measurements import load_shipped, load_shipped_acts

    own = {(one.category, one.modality.value) for one in load_shipped().cells}
    own |= {(one.category, "prompt") for one in load_shipped_acts().cells}
    return frozenset(own | elsewhere().keys())


def statements(text: str) -> Iterator[Statement]:
    """The statements of a page, one by one."""
    heading, header = "", ""
    text = re.sub(r"^( *)```.*?^\1```[ \t]*$", "", _WRITTEN.sub("", text), flags=re.M | re.S)
    for block in re.split(r"\n[ \t]*\n|\n(?=[#|]|\s*[-*] |\s*\d+\. )", text):
        marked = frozenset(
            tuple(cell.strip().rsplit("/", 1))
            for found in _MARKER.finditer(block)
            for cell in found["cells"].split(",")
        )
        if _NO_CLAIM.search(block):
            continue
        bare = " ".join(_MARKER.sub("", block).split())
        figures = "benchmarks/" in bare
        bare = re.sub(r"\]\([^)]*\)", "]", bare)
        bare = re.sub(r"`[^`]*`", "`", bare)
        if bare.startswith("#"):
            heading, header = bare.lstrip("# "), ""
            continue
        if bare.startswith("|"):
            if not header:
                header = f"{heading}: {bare}"
            if not _DISCLAIMER.match(bare):
                for sentence in _SENTENCE.split(bare):
                    yield Statement(text=f"{header} {sentence}", named=marked, links_to_figures=figures)
            continue
        header = ""
        for sentence in _SENTENCE.split(bare):
            yield Statement(text=sentence, named=marked, links_to_figures=figures)


def claims(text: str, *, front: bool = False) -> Iterator[Claim]:
    """The statements of a page that claim something is found; of a front door, also that it is stopped."""
    verbs = f"{_FINDING}|{_STOPPING}" if front else _FINDING
    for said in statements(text):
        parts = _CLAUSE.split(_SAID_SO.sub("", said.text))
        clauses = [
            one
            for one in parts
            if one and (re.search(_TWICE, one, re.I) or not re.search(_DENIED, one, re.I))
        ]
        about = {
            category
            for clause in clauses
            for subject, categories in SUBJECTS.items()
            if re.search(subject, clause, re.I)
            for category in categories
        }
        found = any(re.search(verbs, clause, re.I) for clause in clauses)
        figure = any(_FIGURE.search(clause) for clause in clauses) and not said.links_to_figures
        if about and (found or figure):
            words = " ".join(clauses)
            yield Claim(
                text=said.text,
                categories=frozenset(about),
                modalities=frozenset(
                    word for pattern, word in _NAMED.items() if re.search(pattern, words, re.I)
                ),
                named=said.named,
            )


def wrong(text: str, cells: frozenset[tuple[str, str]], *, front: bool = False) -> list[str]:
    """What is claimed in a page and was not measured, each with its reason."""
    found = []
    for claim in claims(text, front=front):
        outside = sorted("/".join(cell) for cell in claim.named - cells)
        wanted = {
            (category, modality) for category in claim.categories for modality in claim.modalities
        } - claim.named
        left_out = claim.categories - {category for category, _modality in claim.named}
        if outside:
            found.append(f"{', '.join(outside)} is unmeasured: {claim.text}")
        elif wanted or left_out:
            what = sorted({"/".join(cell) for cell in wanted} | left_out) or ["it"]
            found.append(f"no measured cell is named for {', '.join(what)}: {claim.text}")
    found += [
        f"{cell.strip()} is unmeasured, and a marker names it"
        for marked in _MARKER.finditer(text)
        for cell in marked["cells"].split(",")
        if tuple(cell.strip().rsplit("/", 1)) not in cells
    ]
    return sorted(set(found))
