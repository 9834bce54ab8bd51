from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec

from safelight.detectors.text.sketch import sketch
from safelight.screening.paraphrases import EvasionMatch
from safelight.videos.evasion import EvasionTracker

BLOCKED = "a nude woman dancing slowly across the old wooden stage of a theatre at night"
SENTENCES = "Use soft morning light, a wide lens, natural colours and a slow camera move. "
TEMPLATE = (SENTENCES * 80)[:5000]


def match(texts: dict[str, str], negated: tuple[str, ...] = ()) -> EvasionMatch:
    database: Any = None
    block: Any = SimpleNamespace(
        sketch=msgspec.msgpack.encode(sketch(BLOCKED)),
        lineage="lineage_1",
        video_id=None,
        matched_categories={"sexual": 0.9},
    )
    return EvasionTracker(database).match([block], texts, negated=negated)


def test_a_long_harmless_template_does_not_hide_a_paraphrase_of_a_block() -> None:
    prompt = BLOCKED.replace("nude ", "")
    assert match({"prompt": prompt})
    assert match({"prompt": prompt, "template": TEMPLATE})
    assert match({"prompt": "a cat", "template": TEMPLATE, "rewritten_prompt": prompt})


def test_a_paraphrase_divided_between_two_fields_is_recognized() -> None:
    words = BLOCKED.split()
    assert match({"prompt": " ".join(words[:7]), "template": " ".join(words[7:])})


def test_unrelated_and_negated_texts_do_not_match() -> None:
    assert not match({"prompt": "a cat on a windowsill", "template": TEMPLATE})
    assert not match({"prompt": "a cat on a windowsill", "negative_prompt": BLOCKED}, ("negative_prompt",))
