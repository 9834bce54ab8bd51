"""Maps providers' words to our categories. If several categories match, the gravest one counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from safelight.policy.categories import SHIPPED, Category, Group

from .model import UNKNOWN
from .parse import ParsedError

#: Our categories and the words that name them, gravest first. A group is used if a provider gives no more
#: detail.
_WORDS: tuple[tuple[str, str], ...] = (
    (
        "sexual/minors",
        r"csam|child sexual|sexual[ _/.\-]{0,3}(?:content )?(?:involving )?minors?|child safety"
        r"|child exploitation",
    ),
    (
        "minors",
        r"\bminors?\b|\bchild(?:ren)?\b|under(?:[ -]?age|[ -]18)|teenager|young[ -]looking|未成年|儿童|兒童",
    ),
    ("self-harm", r"self[ _\-]?harm|suicid|自残|自殘|自杀|自殺"),
    ("sexual", r"sexual|nudity|\bnude|\bnsfw\b|porn|explicit (?:content|imagery)|adult content|色情|裸"),
    ("extremism", r"extremis|terroris|恐怖主义|恐怖主義"),
    ("violence/graphic", r"graphic (?:content|violence)|\bgore\b|gory|血腥"),
    ("violence", r"violen|weapon|暴力"),
    ("hate", r"\bhate|hateful|derogatory|discriminat|仇恨|歧视|歧視"),
    ("harassment", r"harass|bullying|\btoxic|vulgar|profan|insult|辱骂"),
    (
        "likeness",
        r"celebrit|public figure|famous (?:person|people)|real (?:person|people|human)"
        r"|recogni[sz]able (?:person|people|face)"
        r"|likeness|photorealistic (?:person|people|face|human)|prominent (?:person|people|figure)"
        r"|human faces?"
        r"|privacyinformation|真人|名人|人脸|人臉|肖像",
    ),
    (
        "ip",
        r"copyright|trademark|intellectual property|third[ -]party (?:content|rights)"
        r"|\bip\b (?:content|infring|violat)"
        r"|protected character|copyrighted|版权|版權|侵权|侵權",
    ),
    ("deception", r"misinformation|deepfake|deceptive|election"),
    ("illicit", r"illicit|illegal|dangerous content|drugs?\b|criminal|违禁|違禁"),
    ("privacy", r"personal (?:data|information)|\bpii\b|隐私|隱私"),
)
#: Single words from providers' lists of categories that differ from our names.
_NAMES = {
    "gore": "violence/graphic",
    "graphic": "violence/graphic",
    "hateful": "hate",
    "harassment_threatening": "harassment",
    "hate_threatening": "hate",
    "hate_speech": "hate",
    "harm_category_hate_speech": "hate",
    "harm_category_harassment": "harassment",
    "harm_category_sexually_explicit": "sexual",
    "harm_category_dangerous_content": "illicit",
    "harm_category_violence": "violence",
    "sexually_explicit": "sexual",
    "nudity": "sexual",
    "nsfw": "sexual",
    "selfharm": "self-harm",
    "suicide": "self-harm",
    "terrorism": "extremism",
    "copyright": "ip",
    "third_party_content": "ip",
    "intellectual_property": "ip",
    "protected_material_text": "ip",
    "protected_material_code": "ip",
    "derivative_works_filter": "ip",
    "public_figure": "likeness",
    "celebrity": "likeness",
    "real_person": "likeness",
    "minors": "sexual/minors",
    "illicit_violent": "illicit",
    "dangerous": "illicit",
}
#: The categories in which there is no help, gravest first. Each is graver than every other category.
GRAVEST = (
    Category.SEXUAL_MINORS.value,
    Group.MINORS.value,
    Category.MINORS_PRESENT.value,
    Category.NCII.value,
    Category.SEXUAL.value,
    Category.SELF_HARM_INSTRUCTIONS.value,
    Category.SELF_HARM_INTENT.value,
    Category.SELF_HARM.value,
    Category.EXTREMISM.value,
    Category.VIOLENCE_GRAPHIC.value,
    Category.ILLICIT.value,
    Category.LIKENESS.value,
)
_GROUPS = frozenset(group.value for group in Group)
_REASONS = re.compile(r"(?:possible )?reasons?:\s{0,4}\[?([^.\]\n]{1,200})", re.IGNORECASE)
_PLACES = (
    "moderation reasons|moderation_reasons|"
    "categories|category|moderation_categories|flagged_categories|reasons|violated_categories|safety_category"
)


def of_name(word: str) -> str:
    """Our category for one word from a provider's list; empty if we have none."""
    plain = re.sub(r"[\s\-]+", "_", word.strip().strip("\"'").lower())
    if plain in _NAMES:
        return _NAMES[plain]
    for spelling in (plain, plain.replace("_", "-"), plain.replace("_", "/", 1), plain.replace("/", "_")):
        if is_category(spelling):
            return spelling
    return ""


def is_category(name: str) -> bool:
    """Whether this is the name of one of our categories or groups."""
    return name in SHIPPED or name in _GROUPS


def of_names(words: Iterable[str]) -> str:
    """The gravest category of a list; the first one if none is in `GRAVEST`; empty if the list has none."""
    known = [category for word in words if (category := of_name(word))]
    return min(known, key=_rank, default="")


def _rank(category: str) -> int:
    return GRAVEST.index(category) if category in GRAVEST else len(GRAVEST)


def of_sentence(text: str) -> str:
    """The gravest category that the words of a message name; empty if they name none."""
    return next((category for category, words in _WORDS if re.search(words, text, re.IGNORECASE)), "")


def all_named(said: ParsedError) -> frozenset[str]:
    """Every category that an error names, in its lists or in the words of its messages."""
    listed = (*said.values(_PLACES), *_filtered(said))
    text = " ".join((*listed, said.prose)).replace("_", " ")
    found = {category for category, words in _WORDS if re.search(words, text, re.IGNORECASE)}
    return frozenset(found | {category for word in listed if (category := of_name(word))})


def of_said(said: ParsedError, sentences: str) -> str:
    """The category of an error: from its lists, else from its stated reasons, else from the words of its
    messages.
    """
    if found := of_names(said.values(_PLACES)):
        return found
    if found := of_names(_filtered(said)):
        return found
    for match in _REASONS.finditer(said.prose):
        named = re.split(r",|;|\band\b|\bor\b", match[1])
        if found := of_names(named) or of_sentence(match[1]):
            return found
    return of_sentence(sentences) or UNKNOWN


def _filtered(said: ParsedError) -> Iterator[str]:
    """The filtered categories in Azure's format:
    `content_filter_result: {violence: {filtered: true, severity: medium}, ...}`.
    """
    for document in said.documents:
        for result in _named(document, "content_filter_result", 0):
            for name, state in result.items():
                if isinstance(state, Mapping) and state.get("filtered") is True:
                    yield str(name)


def _named(value: object, prefix: str, depth: int) -> Iterator[Mapping[str, object]]:
    if depth > 8:
        return
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if str(name).startswith(prefix) and isinstance(inner, Mapping):
                yield inner
            yield from _named(inner, prefix, depth + 1)
    elif isinstance(value, list):
        for inner in value[:50]:
            yield from _named(inner, prefix, depth + 1)
