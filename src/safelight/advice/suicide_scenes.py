"""Words that suggest a suicide at a high place. A rewrite could hide such a scene from the provider. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from safelight.policy.categories import Category
from safelight.policy.findings import Finding

from .help_gate import is_alarm

_HIGH_PLACE = re.compile(
    r"\b(?:roof(?:top)?s?|bridges?(?! of the nose)|overpass|cliffs?|clifftops?|balcon(?:y|ies)|ledges?"
    r"|parapet|skyscrapers?|towers?|high(?:-rise)? (?:place|building)s?|viewpoint|window ?sill"
    r"|(?<!water's )(?<!water’s )(?<!cutting )(?<!cutting-)edge"
    r"(?! of (?:an? |the )?(?:table|bed|lake|pool|forest|woods|field|town|city|village|road|garden)))\b"
    r"|[樓楼][頂顶]|屋[頂顶]|天[台臺]|[頂顶][樓楼]|高[樓楼]|[樓楼][邊边]|[懸悬]崖|峭壁|崖|(?<![劍剑鵲鹊])[橋桥](?![牌樑梁])"
    r"|[陽阳][台臺]|窗[台臺]|高[處处]|[邊边][緣缘]|塔",
    re.IGNORECASE,
)
#: Where one step leads down.
_DROP = re.compile(
    r"\b(?:ledges?|parapet|brink|window ?sill|over the railing|outside (?:of )?the railing"
    r"|railing of (?:a|the) bridge"
    r"|(?<!water's )(?<!water’s )edge of (?:an? |the )?(?:\w+ )?(?:roof(?:top)?|building|cliff"
    r"|bridge|tower|skyscraper|abyss"
    r"|balcony|platform|precipice))\b"
    r"|(?:[樓楼][頂顶]|屋[頂顶]|天[台臺]|[懸悬]?崖|[橋桥]|[陽阳][台臺]|高[樓楼]|窗[台臺])(?:的)?(?:[邊边][緣缘上]?|外)",
    re.IGNORECASE,
)
#: Despair, farewell, or a jump from somewhere.
_DESPAIR = re.compile(
    r"\b(?:despair\w*|desperat\w+|hopeless\w*|no hope|lost (?:all )?hope"
    r"|g(?:ive|ives|iving|ave|iven) (?:\w+ )?up"
    r"|suicid\w*|end(?:s|ed|ing)? it all|end(?:s|ed|ing)? (?:his|her|their|my) (?:own )?li(?:fe|ves)"
    r"|wants? to die|(?:reason|nothing left|nothing) to live|(?:farewell|goodbye) (?:note|letter)s?"
    r"|(?:jump|leap|step|div)(?:s|es|e|ed|t|ped|ing|ping)? (?:off|(?:down )?from|to (?:his|her|their) death"
    r"|over the (?:edge|side|railing)|into the (?:void|abyss|depths))"
    r"|throw(?:s|ing|n)? (?:him|her|them)sel(?:f|ves)|threw (?:him|her|them)sel(?:f|ves))\b"
    r"|[絕绝]望|[無无]助|[沒没]有?希望|放[棄弃]|自[殺杀]|[輕轻]生|不想活|活不下去|[結结]束(?:自己的)?生命|[遺遗][書书]"
    r"|跳下|跳[樓楼]|跳[橋桥]|往下跳|一[躍跃]而下|[躍跃]下|[縱纵]身",
    re.IGNORECASE,
)
_ALONE = re.compile(
    r"\b(?:alone|lonely|isolated|by (?:him|her)self)\b|[獨独]自|[孤][獨独單单身立零]|一[個个]人[站坐待在]",
    re.IGNORECASE,
)
_TEARS = re.compile(
    r"\b(?:tears|tearful\w*|cr(?:y|ies|ied|ying)|weep(?:s|ing)?|wept|sob(?:s|bed|bing)?)\b|哭|淚|泪|泣",
    re.IGNORECASE,
)
#: Tears that are no sign of despair.
_JOY = re.compile(
    r"\b(?:tears of (?:joy|happiness)|happy tears|(?:cr(?:y|ies|ied|ying)|weep(?:s|ing)?|sob(?:s|bing)?)"
    r" (?:with|from|for|of) (?:joy|happiness|laughter))\b|喜[極极]而泣|[喜幸][悅悦福]的?[淚泪]",
    re.IGNORECASE,
)
_MINOR = re.compile(
    r"\b(?:child|children|kids?|boys?|girls?|teens?|teenagers?|pre-?teens?|tweens?|schoolboys?"
    r"|schoolgirls?)\b"
    r"|小孩|孩子|孩童|[兒儿]童|男孩|女孩|少年|少女|小朋友|[學学]童",
    re.IGNORECASE,
)


def suggest_suicide(findings: Iterable[Finding], texts: Iterable[str]) -> bool:
    """Whether a text has a high place together with despair or a jump from somewhere, or with two of these
    signs: someone alone, tears, a minor. At an edge, tears are enough.
    """
    minor = any(one.category == Category.MINORS_PRESENT and is_alarm(one) for one in findings)
    for text in texts:
        if not _HIGH_PLACE.search(text):
            continue
        tears = _TEARS.search(_JOY.sub(" ", text))
        signs = (_ALONE.search(text), tears, minor or _MINOR.search(text))
        at_edge = tears and _DROP.search(text)
        if _DESPAIR.search(text) or at_edge or sum(map(bool, signs)) >= 2:
            return True
    return False
