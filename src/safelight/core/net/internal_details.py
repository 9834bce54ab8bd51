"""Masks private addresses and paths of files in a text of another server, because a client may read it."""

from __future__ import annotations

import re
from ipaddress import ip_address

from safelight.core.errors import ForbiddenUrl
from safelight.core.net.addresses import check_url, is_public

_END = r"[^\s\"'<>()\[\],;.:!?]"
_REST = rf"(?:/(?:[^\s\"'<>()\[\],;]*{_END})?)?"
_PART = r"[^\s/\\\"'<>()\[\],;:*?|]+"
_LAST = r"[^\s/\\\"'<>()\[\],;:*?|]*[^\s/\\\"'<>()\[\],;:*?|.!]"
#: The end of a name of a file with a space.
_SPACED = r" [\w+@-]+\.[A-Za-z]\w{0,10}(?![\w.])"
_DETAIL = re.compile(
    # URLs come first: a path in a public one is no path of a file.
    rf"(?P<url>\b[a-z][a-z0-9+.-]{{1,20}}://(?:\[[0-9a-f:.%]+\])?(?:[^\s\"'<>()\[\],;]*{_END})?)"
    rf"|(?P<v4>(?<![\w.-])/?\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?![\w-])(?!\.\d)(?::\d{{1,5}})?{_REST})"
    rf"|(?P<v6>\[[0-9a-f:.]{{2,45}}(?:%\w+)?\](?::\d{{1,5}})?{_REST}"
    r"|(?<![\w:.])(?=[a-f:]*\d)(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:]))"
    r"|(?P<host>(?<![\w.@-])/?(?:(?:[a-z0-9_-]+\.)*localhost|instance-data|metadata\.goog|(?:[a-z0-9_-]+\.)+"
    r"(?:corp|home|internal|intranet|invalid|lan|local|localdomain|localhost|onion|private|test))"
    rf"(?![\w-])(?!\.\w)(?::\d{{1,5}})?{_REST})"
    rf"|(?P<path>(?<![\w/.~\]<-])(?!/v\d+(?:alpha|beta)?\d*/)(?:[a-z]:|~[\w.-]*)?"
    rf"(?:/{_PART}(?: {_PART}(?=/))?)+/{_LAST}(?:{_SPACED})?/?"
    rf"|(?<![\w/.])~[\w.-]*/{_LAST}(?:{_SPACED})?"
    rf"|(?<!\w)(?:[a-z]:\\|\\\\{_PART}\\)(?:[\w.+@ -]+\\)*{_LAST}(?:{_SPACED})?)",
    re.IGNORECASE,
)


def mask_internal(text: str) -> str:
    """The text with private addresses and URLs of other schemes than http as `[internal address]`.

    Absolute paths of files become `[file]`. Public URLs and API paths such as `/v1/videos` do not change.
    """
    return _DETAIL.sub(_mask, text)


def _mask(found: re.Match[str]) -> str:
    if found["path"]:
        return "[file]"
    return found[0] if _is_public(found) else "[internal address]"


def _is_public(found: re.Match[str]) -> bool:
    try:
        if found["url"]:
            check_url(found[0])
            return True
        if found["v4"]:
            return is_public(ip_address(found[0].lstrip("/").partition("/")[0].partition(":")[0]))
        if found["v6"]:
            return is_public(ip_address(found[0].partition("]")[0].lstrip("[")))
    except ForbiddenUrl:
        return False
    except ValueError:
        # Not an address: a time, or a version.
        return True
    return False
