"""Masks for values that differ between two runs of the same product: ids, times, secrets, ports, folders."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_YEAR = r"20(?:2[6-9]|3\d)"
#: Order matters: an id looks like a token, and a token may contain what looks like a number.
_PATTERNS = tuple(
    (re.compile(pattern, re.DOTALL), mask)
    for pattern, mask in (
        (r"otpauth://\S+", "<otpauth address>"),
        (r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----", r"<PEM \1>"),
        (r"\bwhsec_[A-Za-z0-9+/=]+", "whsec_<token>"),
        (r"\bwhsec_\.\.\.\S{4}", "whsec_<hint>"),
        (r"\bjust now\b|\b\d+ (?:min|h|d|days?) ago\b", "<n> ago"),
        (r"剛剛|\d+ ?(?:分鐘|小時|天)前", "<n> 前"),
        (r"刚刚|\d+ ?(?:分钟|小时|天)前", "<n> 前"),
        (r"\+\d+(?:\.\d+)? ?(ms|s|毫秒|秒)(?![a-z])", "+<n>"),
        (r"(?:(?<=token=)|(?<=/report/))[A-Za-z0-9_.~%-]{16,}", "<token>"),
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uuid>"),
        (r"\b([a-z]+(?:_[a-z]+)*)_(?=[a-f]*[0-9])[0-9a-f]{8,40}(?![0-9A-Za-z])…?", r"\1_<id>"),
        (r"\b[0-9a-f]{64}\b", "<sha256>"),
        (r"\b[0-9a-f]{40}\b", "<sha1>"),
        (r"\b[0-9a-f]{32}\b", "<hex>"),
        (r"\b(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{8,20}\b", "<hex>"),
        (
            # A random token without a digit is rare; two pairs of capitals tell it from a name.
            r"\b(sk-safelight|[a-z]+)([-_])(?=[A-Za-z0-9_-]*[0-9]|(?:[A-Za-z_-]*?[A-Z]{2}){2})"
            r"(?=[A-Za-z0-9_-]*[A-Z])[A-Za-z0-9_-]{20,}=*",
            r"\1\2<token>",
        ),
        (rf"\b{_YEAR}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d| UTC)?", "<time>"),
        (rf"\b[A-Z][a-z]{{2}}, \d\d [A-Z][a-z]{{2}} {_YEAR} \d\d:\d\d:\d\d (?:GMT|[+-]\d{{4}})", "<time>"),
        (rf"\b{_YEAR}-\d\d(?:-\d\d)?\b", "<date>"),
        (rf"(?<!\d){_YEAR} ?年 ?\d{{1,2}} ?月(?: ?\d{{1,2}} ?日)?", "<date>"),
        (rf"\b(?:\d{{1,2}} )?(?:{_MONTHS}|[A-Z][a-z]{{2}})(?: \d{{1,2}},?)? {_YEAR}(?!\d)", "<date>"),
        (r"\b[01]?\d{1,2}:\d\d(?::\d\d)?(?:\.\d{3})?(?!\d)", "<clock>"),
        (r"\b1[789]\d{8}(?:\.\d+)?\b", "<time>"),
        (r"(?<=127\.0\.0\.1:)(?:\d{4,5}\b|<clock>)", "<port>"),
        (r"\b\d{40,}\b", "<serial number>"),
        (r"(?<=process )\d{2,7}\b|(?<=行程 )\d{2,7}\b|(?<=进程 )\d{2,7}\b", "<process>"),
        (r"\b\d+(?:\.\d+)? ?(?:ms|s)\b", "<n> s"),
        (r"\d+(?:\.\d+)? ?(?:毫秒|秒)", "<n> 秒"),
        (r"\b\d+(?:\.\d+)? ?(seconds?|minutes?|hours?|milliseconds?|MB|MiB|GB|GiB|kB|KiB)\b", r"<n> \1"),
        (r"\d+(?:\.\d+)? ?(分鐘|分钟|小時|小时)", r"<n> \1"),
        (r"\bPython 3\.\d+(?:\.\d+)?", "Python <version>"),
        (r"(?<=/static/)[0-9A-Za-z_-]+(?=/)", "<version>"),
        (
            r"\b(?=[A-Za-z0-9_-]*[0-9])(?=[A-Za-z0-9_-]*[A-Z])(?=[A-Z0-9_-]*[a-z])[A-Za-z0-9_-]{32,}(?:={1,2}|\b)",
            "<token>",
        ),
        (r"[A-Za-z0-9+/]{60,}={0,2}", "<base64>"),
        (r"\d+ · <hex>", "<n> · <hex>"),
        (r"\b(\d{4,5} ){5,}\d{4,5}\b", "<safety number>"),
    )
)
MAX_LINE = 110
#: Fields whose value depends on the machine, the moment or chance.
_VALUES = frozenset(
    [
        "secret",
        "token",
        "key",
        "etag",
        "elapsed_ms",
        "duration_ms",
        "latency_ms",
        "took_ms",
        "queue_ms",
        "wait_s",
        "pid",
        "host",
        "system",
        "sequence",
        "seq",
        "signature",
        "hash",
        "previous_hash",
        "digest",
        "serial",
        "fingerprint",
        "watermark",
        "bytes",
        "size_bytes",
        "memory_mb",
        "used_bytes",
        "free_bytes",
        "commit",
        "cpu_s",
        "wall_s",
        "recovery_codes",
    ]
)
_NUMBERS = re.compile(r"(?:_ms|_bytes|_at|_until|_since|_elapsed|_age_s|_waited_s|retry_after)$")
#: Seconds, milliseconds and microseconds since 1970, from 2020 to 2045.
_EPOCHS = ((1_600_000_000, 2_400_000_000), (1_600_000_000_000, 2_400_000_000_000))


def mask_text(text: str, places: Iterable[tuple[str, str]] = ()) -> str:
    """The text with every unstable value replaced. `places` are literal replacements, such as folders."""
    for literal, mask in places:
        text = re.sub(rf"(?<![A-Za-z0-9_-]){re.escape(literal)}(?![A-Za-z0-9_-])", mask, text)
    for pattern, mask in _PATTERNS:
        text = pattern.sub(mask, text)
    return text


def mask_value(value: Any, places: Iterable[tuple[str, str]] = (), *, name: str = "") -> Any:
    """The JSON value with every unstable value replaced. Keys stay; null and empty values stay."""
    places = tuple(places)
    if isinstance(value, dict):
        return {mask_text(key, places): mask_value(each, places, name=key) for key, each in value.items()}
    if isinstance(value, list):
        return [mask_value(each, places, name=name) for each in value]
    if isinstance(value, bool) or value is None or value == "":
        return value
    if name in _VALUES:
        return f"<{type(value).__name__}>"
    if isinstance(value, int | float):
        return _mask_number(value, name)
    return mask_text(value, places)


def _mask_number(value: Any, name: str) -> Any:
    if (value and _NUMBERS.search(name)) or any(low < value < high for low, high in _EPOCHS):
        return "<number>"
    # Scores of models may differ in the last digits between processors.
    return float(f"{value:.3g}") if isinstance(value, float) else value


def masked_json(value: Any, places: Iterable[tuple[str, str]] = ()) -> str:
    """The masked value over several lines: JSON with sorted keys, without commas between lines."""
    return "\n".join(_lines(mask_value(value, places), ""))


def _lines(value: Any, indent: str) -> Iterator[str]:
    """JSON in which a list or an object that fits into a line has one."""
    short = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if len(short) + len(indent) <= MAX_LINE or not isinstance(value, dict | list) or not value:
        yield indent + short
        return
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    yield indent + opening
    pairs = sorted(value.items()) if isinstance(value, dict) else [("", each) for each in value]
    for key, each in pairs:
        first, *rest = _lines(each, indent + " ")
        name = f"{json.dumps(key, ensure_ascii=False)}: " if isinstance(value, dict) else ""
        yield f"{indent} {name}{first[len(indent) + 1 :]}"
        yield from rest
    yield indent + closing
