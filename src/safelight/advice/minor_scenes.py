"""Scenes with a minor for which no help is given, though the policy may allow them. Pure.

The words are those of undress and allure. Children who swim or bathe are ordinary scenes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from safelight.policy.categories import Category
from safelight.policy.findings import Finding, is_alarm

_WORDS = re.compile(
    r"\b(?:bikinis?|lingerie|underwear|panties|bras?|thongs?|nudes?|nudity|naked|topless|undress\w*|strip(?:s|ping)"
    r"|sexy|sexual\w*|seducti\w+|sensual\w*|erotic\w*|provocative\w*|alluring\w*|flirt\w*|fetish\w*)\b"
    r"|比基尼|[內内][衣褲裤]|裸|[脫脱]衣|性感|[誘诱]惑|挑逗|情趣|[嫵妩]媚",
    re.IGNORECASE,
)


def suggest_minor_scene(findings: Iterable[Finding], texts: Iterable[str]) -> bool:
    """Whether a minor is present and a text has a word of undress or allure."""
    present = any(one.category == Category.MINORS_PRESENT and is_alarm(one) for one in findings)
    return present and any(_WORDS.search(text) for text in texts)
