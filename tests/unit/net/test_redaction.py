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
        ('{"accessToken": "q1w2e3"}', "q1w2e3"),
        ('{"refresh_token":"q1w2e3"}', "q1w2e3"),
        ("client_secret=q1w2e3", "q1w2e3"),
        ("x_new_refresh-token: q1w2e3", "q1w2e3"),
        ("您的token：無效，token=q1w2e3", "q1w2e3"),
        ('{"password": "two q1w2e3"}', "q1w2e3"),
        ('{"sessionId":"q1w2e3"}', "q1w2e3"),
        ('{"cookie":"sid=q1w2e3; theme=x"}', "q1w2e3"),
        ("Set-Cookie: theme=x; sid=q1w2e3", "q1w2e3"),
        ("fetch https://x.example/y?key=0123abcd failed", "0123abcd"),
        ("fetch https://x.example/y?a=1&Policy=q1w2e3 failed", "q1w2e3"),
        ("auth=q1w2e3", "q1w2e3"),
        ("jwt=q1w2e3", "q1w2e3"),
        ("Basic dXNlcjpwYXNzd29yZA== is wrong", "dXNlcjpwYXNzd29yZA"),
        ("ghp_abcdefghij0123456789", "abcdefghij0123456789"),
        (r'{"message": "{\"token\":\"q1w2e3\"}"}', "q1w2e3"),
    ],
)
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
