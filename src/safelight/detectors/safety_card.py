"""The safety test card: an "EICAR for video" that triggers exactly one category in text, image or sound."""

from __future__ import annotations

import math
import re
import zlib
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from safelight.core.arrays import Pixels

#: A category, and the start and end of its tones in seconds.
Hit: TypeAlias = tuple[str, float, float]
Samples: TypeAlias = npt.NDArray[np.float32]
#: x, y, w, h as fractions of the picture's width and height.
Box: TypeAlias = tuple[float, float, float, float]

_NAME_PATTERN = r"[a-z0-9](?:[a-z0-9._/\-]*[a-z0-9])?"
_FULL_NAME = re.compile(_NAME_PATTERN)
#: Matches the card's phrase in any text. The group `category` may contain capitals; the caller changes them
#: to lower case.
PATTERN = re.compile(rf"SAFELIGHT-TEST\s?[:：]\s?(?P<category>{_NAME_PATTERN})", re.IGNORECASE)
#: Longest category name that a card can encode.
MAX_CATEGORY_CHARS = 63
_CORNERS = ("top_left", "top_right", "bottom_right", "bottom_left")
_PAPER_COLOUR, _INK_COLOUR, _NOTE_COLOUR = (244, 241, 234), (32, 36, 44), (120, 124, 130)
_SYMBOL_S = 0.032
_HOP_S = 0.004
_WINDOW_S = 0.024
_HOPS_PER_SYMBOL = round(_SYMBOL_S / _HOP_S)
_LOW_TONES_HZ = np.array([700 + 125 * n for n in range(8)], dtype=np.float64)
_HIGH_TONES_HZ = np.array([1825 + 175 * n for n in range(8)], dtype=np.float64)
_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789/-_."
_SYNC = (63, 42)
_MIN_DURATION_S = 0.5
_PAUSE_S = 0.016
#: Lowest sample rate at which the highest tone can be recorded, with some margin.
MIN_RATE = 8000
_CHUNK_S = 20.0


def card_phrase(category: str) -> str:
    """The text that triggers `category`. Raises `ValueError` if that is not a valid category name."""
    if not _FULL_NAME.fullmatch(category) or len(category) > MAX_CATEGORY_CHARS:
        raise ValueError(
            f"{category!r} is not a category name: a-z, 0-9 and . _ / - only, at most {MAX_CATEGORY_CHARS}"
        )
    return f"SAFELIGHT-TEST:{category}"


def read_text(text: str) -> list[tuple[str, int, int]]:
    """Every card phrase in `text`: its category and its character range."""
    return [(hit["category"].lower(), hit.start(), hit.end()) for hit in PATTERN.finditer(text)]


# -- image -----------------------------------------------------------------------------------------


def draw_card(category: str, width: int, height: int) -> Pixels:
    """The printed card, RGB, (height, width, 3): the phrase in large type and its QR code."""
    import segno
    from PIL import Image, ImageDraw

    text = card_phrase(category)
    card = Image.new("RGB", (width, height), _PAPER_COLOUR)
    pen = ImageDraw.Draw(card)
    short = min(width, height)
    margin = max(short // 20, 2)
    pen.rectangle(
        (margin // 2, margin // 2, width - margin // 2 - 1, height - margin // 2 - 1), outline=_INK_COLOUR
    )

    code = segno.make(text, error="m", micro=False)
    modules = [[bool(module) for module in row] for row in code.matrix_iter(border=2)]
    room = height - 4 * margin - max(short // 5, 24)
    scale = max(1, min(room, width - 4 * margin) // len(modules))
    side = scale * len(modules)
    picture = Image.fromarray(np.where(np.array(modules), 0, 255).astype(np.uint8)).resize(
        (side, side), Image.Resampling.NEAREST
    )
    card.paste(picture.convert("RGB"), ((width - side) // 2, 2 * margin))

    top = 2 * margin + side + margin
    size = _fit_type_size(text, width - 4 * margin, max(height - top - 2 * margin, 10))
    pen.text((width // 2, top), text, fill=_INK_COLOUR, font=_font(size), anchor="ma")
    note = "A test of the safety system. There is no harmful content here."
    small = _fit_type_size(note, width - 4 * margin, max(size // 2, 6))
    pen.text((width // 2, top + size * 1.4), note, fill=_NOTE_COLOUR, font=_font(small), anchor="ma")
    return np.asarray(card, dtype=np.uint8)


def _font(size: float) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _fit_type_size(text: str, width: int, height: int) -> int:
    """The largest type size at which `text` fits into the width and takes at most two thirds of the
    height.
    """
    reference = 64
    drawn: float = _font(reference).getlength(text)
    return max(6, min(int(reference * width / drawn), int(height * 0.66)))


def read_qr(pixels: Pixels) -> list[tuple[str, Box]]:
    """Categories of all card QR codes in an RGB picture, with their boxes."""
    import zxingcpp

    height, width = pixels.shape[:2]
    cards = []
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    for code in zxingcpp.read_barcodes(pixels, formats=formats):
        corners = [getattr(code.position, name) for name in _CORNERS]
        across = np.clip([corner.x / width for corner in corners], 0.0, 1.0)
        down = np.clip([corner.y / height for corner in corners], 0.0, 1.0)
        box = (float(across.min()), float(down.min()), float(np.ptp(across)), float(np.ptp(down)))
        cards += [(category, box) for category, _start, _end in read_text(code.text)]
    return cards


# -- sound -----------------------------------------------------------------------------------------
# A symbol is two tones at the same time, one of eight low tones and one of eight high tones. It carries
# six bits and lasts 32 ms. A message is two sync symbols, the length of the name, the name, and 18 bits of
# CRC. Short messages are repeated.


def _crc_symbols(name: str) -> tuple[int, int, int]:
    crc = zlib.crc32(name.encode("ascii"))
    return crc & 63, crc >> 6 & 63, crc >> 12 & 63


def _message(category: str) -> list[int]:
    card_phrase(category)
    return [*_SYNC, len(category), *(_ALPHABET.index(letter) for letter in category), *_crc_symbols(category)]


def make_tones(category: str, rate: int) -> Samples:
    """The card's tone sequence at `rate` Hz: mono, peak 0.5, 0.5 to 1 s for shipped category names."""
    if rate < MIN_RATE:
        raise ValueError(f"the tones need a rate of at least {MIN_RATE} Hz, not {rate}")
    message = _message(category)
    pause = np.zeros(round(_PAUSE_S * rate))
    seconds = len(message) * _SYMBOL_S
    # A continuous phase between symbols avoids clicks. Clicks would add other frequencies.
    edges = np.round(np.arange(len(message) + 1) * _SYMBOL_S * rate).astype(int)
    lengths = np.diff(edges)
    low = np.repeat(_LOW_TONES_HZ[[symbol >> 3 for symbol in message]], lengths)
    high = np.repeat(_HIGH_TONES_HZ[[symbol & 7 for symbol in message]], lengths)
    wave = 0.25 * (np.sin(2 * np.pi * np.cumsum(low) / rate) + np.sin(2 * np.pi * np.cumsum(high) / rate))
    ramp = np.minimum(1.0, np.arange(wave.size) / (0.004 * rate))
    wave *= ramp * ramp[::-1]
    repeats = max(1, math.ceil(_MIN_DURATION_S / (seconds + _PAUSE_S)))
    return np.concatenate([part for _ in range(repeats) for part in (wave, pause)]).astype(np.float32)


def read_tones(samples: Samples, rate: int) -> list[Hit]:
    """Categories of all card tone sequences in mono samples, with start and end in seconds."""
    if rate < MIN_RATE or samples.size == 0:
        return []
    hits: list[Hit] = []
    # Chunks overlap by the length of the longest message, so that no message is cut in two.
    overlap = (len(_SYNC) + 1 + MAX_CATEGORY_CHARS + 3 + 1) * _SYMBOL_S
    step = round(_CHUNK_S * rate)
    for start in range(0, samples.size, step):
        part = samples[start : start + step + round(overlap * rate)]
        hits += _read_chunk(part, rate, start / rate)
    return _merge_hits(hits)


def _read_chunk(samples: Samples, rate: int, offset_s: float) -> list[Hit]:
    window = round(_WINDOW_S * rate)
    count = int((samples.size - window) / (_HOP_S * rate)) + 1
    if count < _HOPS_PER_SYMBOL:
        return []
    starts = np.round(np.arange(count) * _HOP_S * rate).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(samples, window)[starts]
    angles = (
        -2j
        * np.pi
        * np.arange(window)[:, None]
        * np.concatenate([_LOW_TONES_HZ, _HIGH_TONES_HZ])[None, :]
        / rate
    )
    basis = (np.exp(angles) * np.hanning(window)[:, None]).astype(np.complex64)
    power = np.abs(frames.astype(np.complex64) @ basis)
    symbols = (power[:, :8].argmax(axis=1) << 3) | power[:, 8:].argmax(axis=1)
    loud = power.max(axis=1) > 0.002 * window

    hits = []
    lead = np.flatnonzero(
        (symbols[:-_HOPS_PER_SYMBOL] == _SYNC[0])
        & (symbols[_HOPS_PER_SYMBOL:] == _SYNC[1])
        & loud[:-_HOPS_PER_SYMBOL]
    )
    for at in lead.tolist():
        name = _read_message(symbols[at::_HOPS_PER_SYMBOL])
        if name is not None:
            begin = offset_s + at * _HOP_S - (_SYMBOL_S - _WINDOW_S) / 2
            hits.append((name, max(begin, 0.0), begin + len(_message(name)) * _SYMBOL_S))
    return hits


def _read_message(symbols: npt.NDArray[np.int64]) -> str | None:
    """Decode symbols that begin with the sync; None if the length, a character or the CRC is invalid."""
    body = symbols[len(_SYNC) :].tolist()
    if not body or not 0 < body[0] <= len(body) - 4:
        return None
    letters, check = body[1 : body[0] + 1], tuple(body[body[0] + 1 : body[0] + 4])
    if any(letter >= len(_ALPHABET) for letter in letters):
        return None
    name = "".join(_ALPHABET[letter] for letter in letters)
    return name if check == _crc_symbols(name) and _FULL_NAME.fullmatch(name) else None


def _merge_hits(hits: list[Hit]) -> list[Hit]:
    """Merge neighbouring readings of the same tone sequence and its repeats."""
    joined: dict[str, list[tuple[float, float]]] = {}
    for name, start, end in sorted(hits, key=lambda hit: hit[1]):
        spans = joined.setdefault(name, [])
        if spans and start <= spans[-1][1] + 4 * _PAUSE_S:
            spans[-1] = (spans[-1][0], max(spans[-1][1], end))
        else:
            spans.append((start, end))
    return [(name, round(a, 3), round(b, 3)) for name, spans in joined.items() for a, b in spans]
