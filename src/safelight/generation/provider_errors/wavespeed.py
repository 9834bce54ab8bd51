"""WaveSpeed: a numeric `code` beside `status: failed`."""

from __future__ import annotations

from safelight.generation.protocol import Charged

from .model import Kind
from .rules import Provider, Row

_PAGE = "wavespeed.ai/docs/error-codes"

WAVESPEED = Provider(
    name="wavespeed",
    title="WaveSpeed",
    resells=True,
    aliases=frozenset({"wavespeed.ai", "wavespeedai", "wavespeed-ai"}),
    signs=r"wavespeed",
    rows=(
        Row(id="wavespeed.1200", kind=Kind.CONTENT_BLOCK, documented=_PAGE, fields={"code": r"1200"}),
        Row(
            id="wavespeed.parameter",
            kind=Kind.INVALID_REQUEST,
            documented=_PAGE,
            fields={"code": r"140[0-2]"},
        ),
        Row(id="wavespeed.task-failed", kind=Kind.TRANSIENT, documented=_PAGE, fields={"code": r"140[35]"}),
        Row(id="wavespeed.timeout", kind=Kind.TIMEOUT, documented=_PAGE, fields={"code": r"5004"}),
        Row(id="wavespeed.server", kind=Kind.TRANSIENT, documented=_PAGE, fields={"code": r"500[0-3]"}),
        Row(
            id="wavespeed.credits",
            kind=Kind.QUOTA,
            documented=_PAGE,
            says=r"insufficient (?:credits|balance)",
            charged=Charged.NO,
            charge_source="not taken",
        ),
    ),
)
