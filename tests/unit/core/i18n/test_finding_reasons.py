"""Every reason that a shipped detector gives for a finding is translated."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import safelight
from safelight.core.i18n import translate_finding
from safelight.detectors.audio.identity_claims import _CLAIM_PATTERNS
from safelight.detectors.image.flicker import _REASONS
from safelight.detectors.image.nudity import BODY_PART_CLASSES
from safelight.detectors.image.symbols.detector import SYMBOLS
from safelight.detectors.text.compositions import shipped_compositions
from safelight.detectors.text.entity_detector import _SENTENCES
from safelight.detectors.text.indicators import shipped as shipped_indicators
from safelight.detectors.text.lists import shipped_entries
from safelight.detectors.text.patterns import find_identifiers
from safelight.policy.findings import SHIPPED
from safelight.web.translations import load_languages
from support.rows import each_row

TAGS = ("zh-Hans", "zh-Hant")
CODE = ("detectors", "screening", "videos")
#: Values of the expressions in a reason; every other one is a name.
VALUES = {
    "logo.kind.value": "brand",
    "length": "3 frames",
    "SHIPPED[category].summary": "A brand, logo or trademark.",
    "sentence": "A voice gives its own name.",
    "_listed(named)": "the request and the speech",
    "finding.reason": "A face is visible.",
    "words.reason": "A face is visible.",
    "thing": "syringe",
    "seen": "firearm",
    "symbol.what": "A wolf's hook",
    "_SENTENCES[one.kind]": "The text names a brand",
    "notable": " (cars)",
    "', '.join(first)": "a child in the request",
    "' and ' if first else ''": " and ",
    "last": "an offer in the speech",
}
IDENTIFIERS = "123-45-6789, 212-555-0123, a.b@example.org, 4111 1111 1111 1111, 11010519491231002X"


def templates_in_code() -> Iterator[str]:
    """The reasons in calls such as `Finding(reason="...")`, with values inserted."""
    root = Path(safelight.__file__).parent
    for file in sorted(path for folder in CODE for path in (root / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "reason":
                if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                    yield node.value.value
                elif isinstance(node.value, ast.JoinedStr):
                    yield "".join(map(_filled, node.value.values))


def _filled(piece: ast.expr) -> str:
    if isinstance(piece, ast.FormattedValue):
        return VALUES.get(ast.unparse(piece.value), "Acme")
    return str(piece.value) if isinstance(piece, ast.Constant) else ""


def reasons() -> Iterator[str]:
    """All reasons, those of the data files and tables too."""
    yield from templates_in_code()
    yield from (entry.reason for entry in shipped_entries())
    yield from (rule.reason for rule in shipped_compositions().rules)
    yield from _REASONS.values()
    yield from (one.reason for one in BODY_PART_CLASSES.values())
    yield from (f"{one.what} seems to be in the picture." for one in SYMBOLS if one.point <= 1)
    yield from (f"{sentence}: Acme (cars)." for sentence in _SENTENCES.values())
    yield from (f"{sentence}: Acme." for sentence in _SENTENCES.values())
    yield from (f"The text resembles examples of: {one.summary}" for one in SHIPPED)
    yield from (
        f"{sentence} The identity of the voice was not verified." for _, _, sentence in _CLAIM_PATTERNS
    )
    for phrase in shipped_indicators().phrases.values():
        yield f"Each of these is harmless alone: {phrase} in the request and {phrase} in the speech."
    yield "The text names an age under 18."
    kinds = dict.fromkeys(kind for kind, _, _ in find_identifiers(IDENTIFIERS))
    assert len(kinds) == 5
    yield f"The text contains what looks like a {' and a '.join(kinds)}."


@pytest.mark.parametrize("tag", TAGS)
def test_every_reason_of_a_shipped_detector_is_translated(tag: str) -> None:
    found = [*dict.fromkeys(reasons())]
    assert len(found) > 150
    for reason in found:
        rest = re.sub("Acme|cars", "", translate_finding(reason, tag))
        assert not re.search("[A-Za-z]", rest), reason


@pytest.mark.parametrize("tag", TAGS)
def test_a_reason_that_quotes_others_is_translated_as_a_whole(tag: str) -> None:
    reason = (
        "Inherited from the source: In the joined text of the request, the picture and the speech: The text "
        "describes wounds and blood. The words were disguised. The prompt paraphrases a prompt that was "
        "blocked for this category."
    )
    assert not re.search("[A-Za-z]", translate_finding(reason, tag))


def test_indicators_are_listed_with_their_sources() -> None:
    reason = (
        "Each of these is harmless alone: a phone, a letter or a parcel in the request, words of force in "
        "the picture and an offer in the speech."
    )
    assert (
        translate_finding(reason, "zh-Hant")
        == "以下各項單獨看都無害：電話、信件或包裹（請求）、強迫的字句（畫面）、兜售（語音）。"
    )


@pytest.mark.parametrize(
    "reason",
    [
        "Blood and a knife.",
        "Nudity in the picture and blood.",
        "Smoke in the speech",
        "Ein Grund.",
        "A knife seems to be in the picture.",
        "Blood and a knife. The words were disguised.",
        "Inherited from the source: Ein Grund.",
        "The text resembles examples of: our own category.",
        "Each of these is harmless alone: a threat in the request and a hat in the picture.",
    ],
)
@pytest.mark.parametrize("tag", TAGS)
def test_a_reason_of_a_plugin_stays_as_it_is(reason: str, tag: str) -> None:
    assert translate_finding(reason, tag) == reason
    assert load_languages()[tag].translate_finding(reason) == (reason, True)


def test_a_reason_that_quotes_very_many_others_stays_as_it_is() -> None:
    reason = "Inherited from the source: " * 1000 + "A face is visible."
    assert translate_finding(reason, "zh-Hant") == reason


@each_row
def test_names_stay_and_words_of_ours_are_translated(reason: str, wanted: str) -> None:
    assert translate_finding(reason, "zh-Hant") == wanted


def test_english_reasons_stay_as_they_are() -> None:
    assert all(translate_finding(reason, "en") == reason for reason in reasons())
