from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.core.net.redaction import redact
from support.rows import each_row


@each_row
def test_text_that_resembles_a_secret_is_masked(said: str, secret: str) -> None:
    assert secret not in redact(said)
    assert "[masked]" in redact(said)


@pytest.mark.parametrize(
    "sentence",
    [
        "The prompt is too long: 5000 of 4000 characters.",
        "The basic subscription does not include this model. Basic plan: 5 videos.",
        "total_tokens: 15, policy=violence, the author: Kim, error code=20",
        "Invalid session. Authentication failed: the key is not valid.",
    ],
)
def test_an_ordinary_sentence_is_unchanged(sentence: str) -> None:
    assert redact(sentence) == sentence


@settings(deadline=None)
@given(
    st.text(), st.text(min_size=4, alphabet=st.characters(codec="ascii", categories=["L", "N"])), st.text()
)
def test_our_own_secret_is_always_masked(before: str, secret: str, after: str) -> None:
    shown = redact(f"{before} {secret} {after}", secrets=(secret,), longest=10_000)
    assert secret not in shown or secret in "[masked]"
    assert shown.isprintable()


def test_a_long_text_is_truncated() -> None:
    assert len(redact("word " * 1000)) <= 300
