"""What a command's exit code says, the same for every verb."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    #: Done, allowed, trusted.
    OK = 0
    #: It did not work; a sentence on stderr says why.
    ERROR = 1
    #: Wrong settings, policy or usage: nothing was started.
    CONFIGURATION = 2
    #: Blocked by the policy; for `verify`: the file was changed after it was sealed.
    BLOCKED = 3
    #: Held for a person's decision.
    HELD = 4
    #: Not checked, or nothing known; never to be read as "safe".
    NOT_COVERED = 5
    #: Allowed, but only under a waiver.
    WAIVED = 6
    #: Allowed with a label, where `scan --fail-on label` was asked for.
    LABELLED = 7
    #: Ctrl-C.
    INTERRUPTED = 130
