"""Screens the texts of reports and appeals for threats and insults before a reviewer reads them.

The result only decides whether a text is shown behind a click, so these rules find more than those for
prompts.
"""

from __future__ import annotations

import logging
import re
import unicodedata

from safelight.detectors.text.languages import is_short
from safelight.detectors.text.pipeline import TextPipeline, TextReport
from safelight.policy.findings import Category, Depth

from .text_screening import UNCHECKED, ScreeningState, TextScreening

_log = logging.getLogger(__name__)
#: The categories of a text that its reader is warned of. Not sex or violence: reports describe videos.
_KINDS = frozenset(
    one.value
    for one in (
        Category.HARASSMENT,
        Category.HATE,
        Category.EXTREMISM,
        Category.SEXUAL_MINORS,
        Category.SELF_HARM_INTENT,
    )
)
#: Without these checks a text is not checked.
_REQUIRED = frozenset({Category.HARASSMENT.value, Category.HATE.value})
_MIN_SCORE = 0.5

_HARM = (
    "(?:kill|murder|shoot|stab|hurt|beat|burn|bomb|destroy|strangle|punch|smash|slap|hunt|find|come for"
    "|come after)"
)
_YOU = (
    "(?:you|u|ya|your|ur|yours|them|everyone|every one of you|all of you"
    "|the (?:moderators?|reviewers?|staff|admins?))"
)
_WILL = "(?:'ll| will|'m going to| am going to|'re going to| are going to|'m gonna| gonna| shall| swear)"
_YOU_ZH = "[你妳您](?:們|们)?"
#: Threats to the reader. Detectors of prompts do not report them: in a prompt they are the words of a figure.
_THREATS = re.compile(
    "|".join(
        (
            rf"\b(?:i|we){_WILL}(?: \w+){{0,4}}? {_HARM}(?: \w+){{0,2}}? {_YOU}\b",
            rf"\b(?:kill|murder|shoot|stab|burn|bomb) (?:\w+ ){{0,2}}?{_YOU}\b",
            r"\b(?:coming|come) (?:to|for|after) (?:you|your)\b",
            r"\b(?:burn|bomb|shoot up|blow up) (?:\w+ )?(?:office|house|home|building|headquarters)\b",
            r"\byou(?:'ll| will|'re going to| are going to|'re gonna)(?: all)? (?:die|pay|regret|suffer)\b",
            r"\byou(?:'re| are)(?: all)? (?:dead|finished)\b",
            r"\bwatch your back\b|\bi know where you\b",
            r"\b(?:deserve to|hope you) (?:all )?(?:die|suffer)\b",
            rf"(?:殺|杀|弄死|砍|捅|打死|搞死|揍|宰|燒|烧|炸|幹掉|干掉|收拾)(?:了|死|光)?{_YOU_ZH}",
            rf"{_YOU_ZH}(?:全家)?都?(?:去死|該死|该死|死定了|不得好死|完蛋)",
            rf"{_YOU_ZH}(?:等著瞧|等着瞧|給我等著|给我等着|給我小心|给我小心|小心點|小心点)",
            rf"知道{_YOU_ZH}家?住|找上{_YOU_ZH}|{_YOU_ZH}家(?:門|门)口",
            rf"(?:讓|让|叫|要){_YOU_ZH}(?:全家)?(?:死|好看|後悔|后悔|付出代價|付出代价|生不如死)",
            rf"(?:燒|烧|炸)(?:掉|了)?{_YOU_ZH}?的?(?:公司|辦公室|办公室|家|房子)",
        )
    )
)


class ReceivedTextScreen:
    """Runs the text detectors within their time limits, and searches threats to the reader."""

    def __init__(self, pipeline: TextPipeline) -> None:
        self._pipeline = pipeline

    def screen(self, texts: tuple[str, ...]) -> TextScreening:
        """The result for texts that are shown together. An error leaves them unchecked and is logged."""
        try:
            return self._screen("\n".join(text for text in texts if text))
        except Exception:
            # A report or an appeal is accepted in any case.
            _log.exception("The text of a report or an appeal was not checked.")
            return UNCHECKED

    def _screen(self, text: str) -> TextScreening:
        if not text:
            return TextScreening(state=ScreeningState.CLEAR)
        report = self._pipeline.screen({"text": text})
        found = {one.category for one in report.findings if one.score >= _MIN_SCORE} & _KINDS
        if has_threat(text):
            found.add(Category.HARASSMENT.value)
        if found:
            return TextScreening(state=ScreeningState.FLAGGED, kinds=tuple(sorted(found)))
        checked = _is_checked(report, needs_classifier=not is_short(text))
        return TextScreening(state=ScreeningState.CLEAR if checked else ScreeningState.NOT_CHECKED)


def has_threat(text: str) -> bool:
    """Whether a text seems to threaten its reader."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return _THREATS.search(" ".join(folded.split())) is not None


def _is_checked(report: TextReport, *, needs_classifier: bool) -> bool:
    """Whether the required categories were checked. In another language than English or Chinese only lists
    were searched, which is too little for a sentence.
    """
    cells = [cell for cell in report.cells if cell.category in _REQUIRED]
    complete = {cell.category for cell in cells if cell.available and cell.ran and cell.complete}
    judged = any(cell.depth is Depth.LEARNED for cell in cells)
    return complete == _REQUIRED and (judged or not needs_classifier)
