"""Exit codes of the command line, the same for every command."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    #: The command succeeded; for a check or scan: allowed; for `verify`: trusted.
    OK = 0
    #: The command failed; the reason is on stderr.
    ERROR = 1
    #: Invalid settings, policy or usage; nothing was started.
    CONFIGURATION = 2
    #: Blocked by the policy; for `verify`: the file was changed after it was sealed.
    BLOCKED = 3
    #: Held for review.
    HELD = 4
    #: A check could not be made, or nothing is known. Does not mean "safe".
    NOT_COVERED = 5
    #: Allowed under a waiver.
    WAIVED = 6
    #: Allowed with a label; only with `scan --fail-on label`.
    LABELLED = 7
    #: Ctrl-C.
    INTERRUPTED = 130
