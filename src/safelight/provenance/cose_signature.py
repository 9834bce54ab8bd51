"""The COSE signature of a stored manifest: what a timestamp authority confirms, and where its answer goes.

C2PA puts a timestamp into the header of the signature that is not signed itself. The signature is followed
by zero bytes as padding, so a timestamp fits in without changing any length or any hash.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Label of the JUMBF box with the signature of a manifest.
_SIGNATURE_LABEL = b"c2pa.signature\0"
_SUPERBOX, _DESCRIPTION, _CBOR = b"jumb", b"jumd", b"cbor"
_TAG_SIGN1 = b"\xd2\x84"
#: Bytes of a description box before its label: the type of the content and the flags.
_DESCRIPTION_HEAD = 17
_PAD = b"\x63pad"
_TIMESTAMP = b"\x67sigTst2"
#: Key of the certificates in the signed header: the number 33.
_CHAIN = b"\x18\x21"
#: Deepest nesting of CBOR values that is read.
_MAX_DEPTH = 16


class MalformedManifest(ValueError):
    """The manifest is not one that a timestamp can be added to.

    Not in the error tree: its callers turn it into `InvalidMedia`.
    """


@dataclass(frozen=True, kw_only=True)
class CoseSignature:
    """The signature of the newest manifest in a manifest store, by its positions in the store."""

    protected: bytes
    signature: bytes
    #: Positions of the unsigned header: its first byte, and the zero bytes of its padding.
    header_at: int
    pad_at: int
    pad_bytes: int
    has_timestamp: bool

    @classmethod
    def find(cls, manifest: bytes) -> CoseSignature:
        """Raises `MalformedManifest` if there is none."""
        try:
            return _parse(manifest, _signature_at(manifest))
        except (IndexError, ValueError) as error:
            raise MalformedManifest(f"no signature with room for a timestamp: {error}") from error

    @property
    def message(self) -> bytes:
        """The bytes whose hash a timestamp authority signs (a COSE counter-signature, RFC 9338)."""
        context = b"CounterSignature"
        signed = _bytes(_bytes(self.signature))
        return b"\x84" + bytes([0x60 | len(context)]) + context + _bytes(self.protected) + b"\x40" + signed

    @property
    def certificate(self) -> bytes:
        """The signing certificate in DER: the only or first one of the header `x5chain` (RFC 9360).

        Raises `MalformedManifest` if the signed header has none.
        """
        try:
            return _certificate(self.protected)
        except (IndexError, ValueError) as error:
            raise MalformedManifest(f"no signing certificate: {error}") from error

    def with_timestamp(self, manifest: bytes, token: bytes) -> bytes:
        """The manifest with this timestamp token in the place of padding. Has the same length."""
        if self.has_timestamp:
            raise MalformedManifest("it has a timestamp")
        entry = _TIMESTAMP + b"\xa1\x69tstTokens\x81\xa1\x63val" + _bytes(token)
        left = self.pad_bytes - len(entry)
        if left < 0:
            raise MalformedManifest(f"the timestamp has {len(entry)} bytes, and the padding {self.pad_bytes}")
        head = manifest[self.header_at]
        pad_key = self.pad_at - len(_PAD) - 3
        return b"".join(
            (
                manifest[: self.header_at],
                bytes([head + 1]),
                entry,
                manifest[self.header_at + 1 : pad_key],
                _PAD + b"\x59" + left.to_bytes(2, "big") + bytes(left),
                manifest[self.pad_at + self.pad_bytes :],
            )
        )


def _signature_at(manifest: bytes) -> int:
    """The position of the CBOR of the last manifest's signature."""
    store = _children(manifest, 0, len(manifest))[0]
    newest = [box for box in _children(manifest, store.content, store.end) if box.kind == _SUPERBOX][-1]
    for box in _children(manifest, newest.content, newest.end):
        if box.kind != _SUPERBOX:
            continue
        inside = _children(manifest, box.content, box.end)
        label = manifest[inside[0].content + _DESCRIPTION_HEAD : inside[0].end]
        if inside[0].kind == _DESCRIPTION and label.startswith(_SIGNATURE_LABEL):
            contents = [one.content for one in inside if one.kind == _CBOR]
            return contents[0]
    raise ValueError("no signature box")


@dataclass(frozen=True, kw_only=True)
class _Box:
    kind: bytes
    content: int
    end: int


def _children(data: bytes, start: int, end: int) -> list[_Box]:
    found = []
    while start < end:
        size = int.from_bytes(data[start : start + 4], "big")
        if size < 8 or start + size > end:
            raise ValueError("a box has a wrong size")
        found.append(_Box(kind=data[start + 4 : start + 8], content=start + 8, end=start + size))
        start += size
    return found


def _parse(data: bytes, at: int) -> CoseSignature:
    if data[at : at + 2] != _TAG_SIGN1:
        raise ValueError("not a COSE signature")
    protected, header_at = _read_bytes(data, at + 2)
    if data[header_at] >> 5 != 5 or data[header_at] & 0x1F > 22:
        raise ValueError("the unsigned header is not a short map")
    position, pad_at, pad_bytes, has_timestamp = header_at + 1, 0, 0, False
    for _ in range(data[header_at] & 0x1F):
        value = _skip(data, position)
        key, position = data[position:value], _skip(data, value)
        has_timestamp |= key in (_TIMESTAMP, b"\x66sigTst")
        if key == _PAD and data[value] == 0x59:  # a byte string with a length of two bytes
            pad_at, pad_bytes = value + 3, position - value - 3
    if not pad_at or any(data[pad_at : pad_at + pad_bytes]):
        raise ValueError("no padding")
    signature, _ = _read_bytes(data, _skip(data, position))
    return CoseSignature(
        protected=protected,
        signature=signature,
        header_at=header_at,
        pad_at=pad_at,
        pad_bytes=pad_bytes,
        has_timestamp=has_timestamp,
    )


def _certificate(header: bytes) -> bytes:
    kind, entries, position = _head(header, 0)
    if kind != 5:
        raise ValueError("the signed header is not a map")
    for _ in range(entries):
        value = _skip(header, position)
        if header[position:value] == _CHAIN:
            kind, _count, content = _head(header, value)
            return _read_bytes(header, content if kind == 4 else value)[0]
        position = _skip(header, value)
    raise ValueError("no chain in the signed header")


def _read_bytes(data: bytes, at: int) -> tuple[bytes, int]:
    """A CBOR byte string and the position after it."""
    kind, length, content = _head(data, at)
    if kind != 2 or content + length > len(data):
        raise ValueError("not a byte string")
    return data[content : content + length], content + length


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """Kind, argument and the position of the content of a CBOR value."""
    kind, short = data[at] >> 5, data[at] & 0x1F
    if short < 24:
        return kind, short, at + 1
    if short > 27:
        raise ValueError("a value of unknown length")
    size = 1 << (short - 24)
    return kind, int.from_bytes(data[at + 1 : at + 1 + size], "big"), at + 1 + size


def _skip(data: bytes, at: int, depth: int = 0) -> int:
    """The position after the CBOR value at `at`."""
    if depth > _MAX_DEPTH:
        raise ValueError("values are nested too deeply")
    kind, argument, position = _head(data, at)
    if kind in (2, 3):
        position += argument
    elif kind in (4, 5, 6):
        for _ in range({4: argument, 5: 2 * argument, 6: 1}[kind]):
            position = _skip(data, position, depth + 1)
    if position > len(data):
        raise ValueError("a value ends after the data")
    return position


def _bytes(content: bytes) -> bytes:
    """A CBOR byte string."""
    length = len(content)
    if length < 24:
        return bytes([0x40 | length]) + content
    if length < 1 << 8:
        return b"\x58" + bytes([length]) + content
    return b"\x59" + length.to_bytes(2, "big") + content
