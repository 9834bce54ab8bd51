"""Which entries of the audit log are wanted. Without a dependency: a command makes options of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from .records import About


@dataclass(frozen=True, kw_only=True)
class LogFilter:
    """All given conditions must hold."""

    person: Annotated[
        str,
        About(
            "Who acted: an id, an e-mail address or a name.",
            help="Only what this person or key did: id, e-mail address or name.",
        ),
    ] = ""
    subject: Annotated[
        str,
        About(
            "The id of the video, case or account that the entry is about; of a case also its video.",
            help="Only entries about this video, case (with its video) or account.",
        ),
    ] = ""
    event: Annotated[
        str,
        About(
            "An event such as `case.decided`, or `reads`: what staff opened without a case or past a budget.",
            help="Only this event, such as case.decided, or reads: what staff opened without a case or past "
            "their budget.",
        ),
    ] = ""
    before: Annotated[
        int | None,
        About("Only entries before this number.", help="Only entries before this number."),
    ] = None
