from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import httpx
import pytest

from safelight.core.net.client import AnswerTooLong, read_limited


def test_a_body_that_drips_is_given_up_at_the_time_limit() -> None:
    sent = 0

    def drip() -> Iterator[bytes]:
        nonlocal sent
        for sent in range(1, 1001):  # noqa: B007
            yield b"x"

    seconds = count()
    with pytest.raises(AnswerTooLong, match="3 s"):
        read_limited(
            httpx.Response(200, content=drip()),
            max_bytes=10_000,
            within_s=3,
            clock=lambda: float(next(seconds)),
        )
    assert sent < 10


def test_a_body_is_read_up_to_its_limit_in_bytes() -> None:
    assert read_limited(httpx.Response(200, content=iter([b"ab", b"c"])), max_bytes=3, within_s=60) == b"abc"
    with pytest.raises(AnswerTooLong, match="2 bytes"):
        read_limited(httpx.Response(200, content=iter([b"ab", b"c"])), max_bytes=2, within_s=60)
