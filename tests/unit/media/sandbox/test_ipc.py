from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.media.sandbox.ipc import MalformedMessage, MessageReader, encode, receive, send

MESSAGES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(max_size=20)
    | st.binary(max_size=50),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(messages=st.lists(MESSAGES, max_size=6), cuts=st.lists(st.integers(1, 40), min_size=1))
def test_messages_survive_any_split_of_the_stream(messages: list[object], cuts: list[int]) -> None:
    data = b"".join(encode(message, limit=1 << 20) for message in messages)
    reader, received, position, number = MessageReader(limit=1 << 20), [], 0, 0
    while position < len(data):
        step = cuts[number % len(cuts)]
        received += reader.feed(data[position : position + step])
        position, number = position + step, number + 1
    assert received == messages


@given(data=st.binary(max_size=300))
def test_any_bytes_are_messages_or_malformed(data: bytes) -> None:
    try:
        MessageReader(limit=1000).feed(data)
    except MalformedMessage:
        pass


def test_a_message_over_the_limit_is_rejected_on_both_sides() -> None:
    with pytest.raises(MalformedMessage, match="over the limit of 10"):
        encode(b"x" * 11, limit=10)
    with pytest.raises(MalformedMessage, match="over the limit of 10"):
        MessageReader(limit=10).feed(encode(b"x" * 11, limit=100))


def test_a_pipe_carries_messages_until_it_is_closed() -> None:
    ours, theirs = os.pipe()
    send(theirs, {"one": 1}, limit=100)
    assert receive(ours, limit=100) == {"one": 1}
    os.write(theirs, b"\x00\x00\x00\x09half")
    os.close(theirs)
    with pytest.raises(EOFError):
        receive(ours, limit=100)
    os.close(ours)
