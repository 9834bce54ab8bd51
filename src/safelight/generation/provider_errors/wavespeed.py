"""WaveSpeed: a numeric `code` together with `status: failed`."""

from __future__ import annotations

from safelight.generation.protocol import ChargeStatus

from .model import ErrorKind
from .rules import ErrorRule, Provider

_PAGE = "https://wavespeed.ai/docs/error-codes"

WAVESPEED = Provider(
    name="wavespeed",
    title="WaveSpeed",
    resells=True,
    aliases=frozenset({"wavespeed.ai", "wavespeedai", "wavespeed-ai"}),
    signs=r"wavespeed",
    rows=(
        ErrorRule(
            id="wavespeed.1200", kind=ErrorKind.CONTENT_BLOCK, documented=_PAGE, fields={"code": r"1200"}
        ),
        ErrorRule(
            id="wavespeed.parameter",
            kind=ErrorKind.INVALID_REQUEST,
            documented=_PAGE,
            fields={"code": r"140[0-2]"},
        ),
        ErrorRule(
            id="wavespeed.task-failed",
            kind=ErrorKind.TRANSIENT,
            documented=_PAGE,
            fields={"code": r"140[35]"},
        ),
        ErrorRule(id="wavespeed.timeout", kind=ErrorKind.TIMEOUT, documented=_PAGE, fields={"code": r"5004"}),
        ErrorRule(
            id="wavespeed.server", kind=ErrorKind.TRANSIENT, documented=_PAGE, fields={"code": r"500[0-3]"}
        ),
        ErrorRule(
            id="wavespeed.credits",
            kind=ErrorKind.QUOTA,
            documented=_PAGE,
            text=r"insufficient (?:credits|balance)",
            charged=ChargeStatus.NO,
            charge_source="not taken",
        ),
    ),
)
