"""Signing as the Standard Webhooks specification defines it."""

from __future__ import annotations

import base64
import hashlib
import hmac

from hypothesis import given
from hypothesis import strategies as st

from safelight.accounts.webhooks import new_secret, signature, signed_headers

#: The example of the specification.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EXAMPLE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

secrets = st.binary(min_size=24, max_size=64).map(lambda key: "whsec_" + base64.b64encode(key).decode())
ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789_", min_size=1, max_size=40)
times = st.integers(0, 2**40)


def test_the_example_of_the_specification() -> None:
    payload = b'{"test": 2432232314}'
    assert signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, payload) == EXAMPLE


@given(secrets, ids, times, st.binary(max_size=200))
def test_a_receiver_that_follows_the_specification_agrees(
    secret: str, message: str, at: int, payload: bytes
) -> None:
    key = base64.b64decode(secret[len("whsec_") :])
    signed = message.encode() + b"." + str(at).encode() + b"." + payload
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert signature(secret, message, at, payload) == f"v1,{expected}"


@given(secrets, secrets, ids, times, st.binary(max_size=100), st.binary(max_size=100))
def test_the_signature_depends_on_secret_and_body(
    one: str, other: str, message: str, at: int, payload: bytes, changed: bytes
) -> None:
    said = signature(one, message, at, payload)
    assert (signature(other, message, at, payload) == said) == (one == other)
    assert (signature(one, message, at, changed) == said) == (payload == changed)
    assert signature(one, message, at + 1, payload) != said
    assert signature(one, message + "x", at, payload) != said


@given(st.lists(secrets, min_size=1, max_size=3), ids, times, st.binary(max_size=100))
def test_every_valid_secret_signs_in_order(given: list[str], message: str, at: int, payload: bytes) -> None:
    made = signed_headers(given, message, at, payload)
    assert made["webhook-signature"].split(" ") == [signature(key, message, at, payload) for key in given]
    assert (made["webhook-id"], made["webhook-timestamp"]) == (message, str(at))


def test_secrets_are_long_enough_and_unique() -> None:
    made = {new_secret() for _ in range(50)}
    assert len(made) == 50
    assert all(len(base64.b64decode(secret.removeprefix("whsec_"))) == 24 for secret in made)
