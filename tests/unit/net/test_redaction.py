from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.net.redaction import redact


@pytest.mark.parametrize(
    ("said", "secret"),
    [
        ("Incorrect API key provided: sk-proj-abcDEF0123456789.", "sk-proj-abcDEF0123456789"),
        ("Authorization: Bearer abc.def-123 is wrong", "abc.def-123"),
        ("fetch https://x.example/y?X-Amz-Signature=deadbeef&a=1 failed", "deadbeef"),
        ("fetch https://x.example/y?sig=q1w2e3&a=1 failed", "q1w2e3"),
        ("fetch https://bob:hunter2@x.example/y failed", "hunter2"),
        ("api_key=12345 is not known", "12345"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.c2ln", "eyJhbGciOiJIUzI1NiJ9"),
    ],
)
def test_text_that_resembles_a_secret_is_masked(said: str, secret: str) -> None:
    assert secret not in redact(said)
    assert "[masked]" in redact(said)


def test_an_ordinary_sentence_is_unchanged() -> None:
    sentence = "The prompt is too long: 5000 of 4000 characters."
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
