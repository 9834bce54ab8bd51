"""Words that suggest graphic violence, alone or together. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from safelight.policy.findings import Category, Finding, is_alarm

from . import driver_tables
from .exclusions import find_exclusions

#: Minimum scores of a finding of graphic violence that count here, also below its operating point: by itself,
#: and together with a word.
_MIN_ALONE, _MIN_WITH_WORD = 0.4, 0.3
#: Rows of the word table.
_BLOOD = frozenset({"blood", "bleeding_wound"})
_DEATH = frozenset({"death", "die", "kill"})
#: Rows that also have ordinary meanings, such as a cut lemon. They count only with a finding of violence.
_AMBIGUOUS = frozenset({"pain", "harm", "choke", "hang", "suffer", "suffering", "crash", "cut"})
#: Not after a Chinese word for "without".
_NOT_EXCLUDED = "(?<!沒有)(?<!没有)(?<!不要)(?<!不含)(?<![無无])"
#: Words for injury, death or a damaged body that are in no row.
_INJURY_WORDS = re.compile(
    r"\b(?:wounds?|wounded|injur\w+|corpses?|cadavers?|sever(?:ed|ing)|stab(?:s|bed|bing)?|murder\w*|carcass(?:es)?"
    r"|impal\w+|lifeless|gash(?:es|ed)?|guts|innards|organs|zombies?|undead|crime scenes?|gunshots?)\b"
    rf"|{_NOT_EXCLUDED}"
    r"(?:傷口|伤口|屍體|尸体|刺傷|刺伤|內臟|内脏|殭屍|喪屍|僵尸|丧尸|食人|殺害|杀害|謀殺|谋杀|折磨)",
    re.IGNORECASE,
)
#: A word of Latin letters and of Cyrillic or Greek ones that look alike, as in a text made to confuse
#: classifiers. Letters with diacritics are Latin, and other scripts have no letters that look alike.
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_LATIN_LETTER = re.compile(r"[A-Za-z]")
_LETTER_ALIKE = re.compile(r"[\u0370-\u03ff\u0400-\u052f]")
#: Words for cruelty, weapons and parts of bodies. They are ordinary alone.
_CRUEL_WORDS = re.compile(
    r"\b(?:knife|knives|daggers?|machetes?|axes?|chainsaws?|blades?|scalpels?|hooks?|spikes?|shackle[sd]?|noose"
    r"|grotesque\w*|brutal\w*|ghastly|macabre|savage(?:ly)?|sinister|strangl\w+|barbed wire|autops\w+"
    r"|deform\w*|monstrous\w*|nightmarish|terrified|agony|anguish|scream(?:s|ed|ing)?"
    r"|victims?|killers?|demons?"
    r"|demonic|monsters?|executioners?|executions?|skulls?|skeletal|bones|limbs?|eyeballs?"
    r"|eye sockets?|brains?|skinless|rotting|rotten|decay\w*|worms|raw meat"
    r"|devour\w*|gnaw\w*|bit(?:e|es|ing)|pierc\w+|ripp(?:ed|ing)"
    r"|torn|crush(?:ed|ing)|twisted|contorted|hack(?:s|ed|ing)|slash\w*|gouge[sd]?|claws|flesh)\b"
    rf"|{_NOT_EXCLUDED}"
    r"(?:匕首|(?<![剃須须鬍胡])刀|斧|鏈鋸|電鋸|链锯|电锯|殘忍|残忍|殘酷|残酷|尖叫|慘叫|惨叫|惡魔|恶魔|怪物|受害者|兇手|凶手|頭骨|头骨"
    r"|骷髏|骷髅|眼球|骨頭|骨头|腐爛|腐烂|蛆|撕|啃|咬)",
    re.IGNORECASE,
)
#: Parts of bodies, and what decays.
_BODY_WORDS = re.compile(
    r"\b(?:skeletal|limbs?|eyeballs?|eye ?sockets?|brains?|skinless|flesh|rotting|rotten|decay\w*|maggots"
    r"|larvae|parasites?|pus|raw meat|(?:human|his|her|their) remains)\b"
    rf"|{_NOT_EXCLUDED}(?:頭骨|头骨|骷髏|骷髅|眼球|骨頭|骨头|腐爛|腐烂|蛆|喉嚨|喉咙|殘骸|残骸)",
    re.IGNORECASE,
)
#: Such words that food, sport, museums and nature have too.
_COMMON_BODY_WORDS = re.compile(
    r"\b(?:skulls?|skeletons?|bones|ribs|worms|throats?|body|bodies|the remains)\b", re.IGNORECASE
)
#: Beings of horror stories, people who hurt others, and those who are hurt.
_HORROR_WORDS = re.compile(
    r"\b(?:mutants?|cultists?|killers?|murderers?|executioners?|psychopaths?|maniacs?|cannibals?|victims?)\b"
    rf"|{_NOT_EXCLUDED}(?:惡魔|恶魔|怪物|狼人|吸血鬼|受害者|兇手|凶手|囚犯)",
    re.IGNORECASE,
)
#: Such words that costumes, tales and nature have too.
_COMMON_HORROR_WORDS = re.compile(
    r"\b(?:monsters?|demons?|demonic|ghouls?|werewol(?:f|ves)|vampires?|possessed|prisoners?|prey|creatures?)\b",
    re.IGNORECASE,
)
#: What is done to a body.
_HARM_WORDS = re.compile(
    r"\b(?:devour\w*|gnaw\w*|tears (?=a|an|the|his|her|its|into|apart|open)|hack(?:s|ed|ing)|slash\w*"
    r"|gouge[sd]?|maul(?:s|ed|ing)|strangl\w+|shackle[sd]?|writh\w+|convuls\w+|agony|anguish|impal\w+"
    r"|burst(?:s|ing)? (?:out|from)|dissect\w*|protrud\w+|hanged)\b"
    rf"|{_NOT_EXCLUDED}(?:撕|啃|咬|吞噬|壓碎|压碎|扭曲|鞭打|拖行|掙扎|挣扎|慘叫|惨叫|尖叫)",
    re.IGNORECASE,
)
#: Such words that kitchens, workshops, concerts and nature have too.
_COMMON_HARM_WORDS = re.compile(
    r"\b(?:ripp(?:ed|ing)|rips|tearing|tore|torn|crush(?:ed|es|ing)|whipp?(?:ed|s|ing)|chained|drag(?:s|ged|ging)"
    r"|screaming|crawl(?:s|ing)? (?:out|from|under)|peck(?:s|ed|ing)?|grind(?:s|ing)?|dripping|splatter\w*"
    r"|spatter\w*|ooz\w+|swollen)\b",
    re.IGNORECASE,
)
_TEAR = (
    "tearing|tore|torn|rips?|ripp(?:ed|ing)|bit(?:e|es|ing|ten)?|chop(?:s|ped)?|hack(?:s|ed)?"
    "|goug(?:e|es|ed|ing)"
)
#: Words that suggest graphic violence by themselves. "Gore" with a capital letter is a name.
_GRAPHIC_WORDS = re.compile(
    r"\b(?:tortur\w+|massacre\w*|slaughter\w*|maim\w*|lacerat\w+|mangled|butchered|cannibal\w*|gruesome\w*"
    r"|horrific\w*|sadistic\w*|maggots?|amputat\w+|disfigur\w+|burn(?:ed|t|ing) alive|peeling (?:skin|flesh)"
    r"|(?:dead|rotting|decaying|decomposing|burnt|burned|charred|mutilated) (?:\w+ )?bod(?:y|ies)"
    r"|dismember\w*|decapitat\w*|behead\w*|disembowel\w*|eviscerat\w*|mutilat\w*|entrails|intestines|viscera"
    r"|flay(?:ed|ing)|carnage|bloodbath|(?-i:(?<!al )gor[ey](?!-))"
    r"|severed (?:\w+ )?(?:heads?|arms?|legs?|hands?|fingers?|f[eo]{2}t|limbs?|ears?|bod(?:y|ies))"
    r"|(?:torn|exposed|rotting|decaying|decomposing|gouged)[ -](?:\w+ )?"
    r"(?:flesh|brains?|organs?|intestines|corpses?|eyes?|eyeballs?|limbs?)|flesh[ -]eating"
    r"|blood[ -]?(?:soaked|drenched|covered|spattered|splattered|stained)"
    r"|(?:covered|soaked|drenched|smeared|dripping|spattered|splattered|stained) (?:in|with) (?:\w+ )?blood"
    r"|(?:full of|filled with|pools? of|sea of|river of|rain of|fountain of) (?:\w+ )?blood"
    r"|blood (?:spatter|splatter|spray|spurt|gush|ooz|pour|spill|splash|drip)\w*"
    r"|(?:slit|cut|open) throats?|(?:cut|slice|slit|carve)s? (?:\w+ ){0,3}(?:throat|wrists?)"
    r"|without skin|mass graves?|body parts|human (?:remains|flesh|meat|limbs|skin"
    r"|sacrifices?)|seppuku|hara-?kiri"
    r"|(?:pile|heap|mountain|sea|row)s? of (?:\w+ ){0,2}(?:bodies|corpses|skulls|limbs)"
    r"|heads? on (?:a |the )?(?:spike|stick|stake|pike|plate|platter)s?|meat hooks?|skinless|eye ?sockets?"
    r"|sacrific(?:es?|ed|ing) (?:a |the )?(?:\w+ )?(?:humans?|man|woman|girl|boy|child|victim|virgin|person)"
    r"|(?:bit(?:e|es|ten)|tor[en]|tears?|cuts?|slices?) (?:\w+ )?"
    r"(?:man|woman|men|women|person|people|bod(?:y|ies)|him|her|them|victims?|sw"
    r"immer|soldier|prey|animal|head)s? "
    r"(?:in (?:half|two)|to pieces|into pieces)"
    r"|run over by|loses? (?:a|an|his|her|their|one) (?:arm|leg|hand|eye|finger|limb)s?"
    r"|(?:broken|exposed|protruding) (?:bones?|ribs?)|bones? protrud\w+"
    r"|(?:needle|nail|knife|blade|hook|spike|scissors) (?:\w+ ){0,3}(?:in|into|through"
    r"|under) (?:an? |the |his |her )?"
    r"(?:\w+ )?(?:eyes?|skin|hands?|tongue|teeth)"
    r"|pull(?:s|ed|ing)? out (?:\w+ ){0,2}(?:teeth|tooth|nails|fingernails|eyes?|hair|organs?|heart)"
    r"|nails? (?:his|her|their|a) (?:\w+ )?(?:hands?|feet|foot|body)"
    r"|(?:burnt|burned|charred|decomposing|bloated) (?:corpse|body|man|woman|person)s?"
    r"|devour(?:s|ed|ing)? (?:\w+ ){0,2}(?:humans?|man|woman|people|villagers?|soldiers?"
    r"|victims?|bod(?:y|ies))"
    r"|(?:eat|eats|eating|ate) (?:\w+ ){0,3}(?:remains|corpses?|human|brains|bodies|alive)"
    r"|dissect(?:s|ed|ing)? (?:a |the )?(?:living|live|alive)|under (?:human|his|her|the) skin"
    r"|(?:knife|blade|axe|sword|spear|arrow|nail|spike)s? (?:\w+ ){0,2}(?:in|into|through)"
    r" (?:his|her|their|its|the) (?:chest|neck|throat|head|eyes?|stomach|back|heart|skull|face)"
    rf"|(?:{_TEAR}) (?:\w+ )?(?:man|woman|men|women|person|people|him|her|them|victims?|body|bodies) apart"
    rf"|(?:{_TEAR}) (?:off|out|open) (?:\w+ ){{0,3}}"
    r"(?:head|arm|leg|hand|finger|ear|tongue|limb|eye|eyeball|heart|skin|throat|chest|stomach)s?"
    r"|limb from limb"
    r"|(?:heads?|arms?|legs?|limbs?|eyes|hearts?|tongues?|skin|fac(?:e|es)) (?:\w+ ){0,2}"
    r"(?:torn|ripped|bitten|chopped|hacked|gouged) (?:off|out|apart|away)"
    r"|half of (?:his|her|their|its) (?:face|head|body))\b"
    rf"|{_NOT_EXCLUDED}"
    r"(?:酷刑|截肢|殘肢|残肢|斷肢|断肢|肢解|斬首|斩首|砍頭|砍头|開膛|开膛|剝皮|剥皮|碎屍|碎尸|虐殺|虐杀|屠殺|屠杀|血淋淋|血肉模糊"
    r"|[沒没]有皮[膚肤]|撕成碎片|割[開开].{0,4}皮[膚肤]|血泊|鮮血淋漓|鲜血淋漓|[渾浑滿满]身[是鮮鲜]+血)",
    re.IGNORECASE,
)
#: Ordinary phrases with a word for blood: food, the sky, colours and medicine.
_ORDINARY_BLOOD = re.compile(
    r"\bbloody mary\b|\bblood[\s-]+(?:oranges?|moons?|red|donat\w+|drives?|banks?|cells?|types?|tests?"
    r"|samples?|pressure|sugar|vessels?|sausages?|pudding)\b"
    r"|血腥瑪麗|血腥玛丽|[鴨鸭豬猪輸输捐獻献驗验]血|血[橙月型壓压糖管]",
    re.IGNORECASE,
)


def suggest_graphic_violence(findings: Iterable[Finding], texts: Iterable[str]) -> bool:
    """Whether texts suggest graphic violence: a graphic word, a finding of graphic violence although it is
    below its operating point, or two of these signs: a word for blood, one for injury or death (two different
    ones are two signs), a cruel word, and a finding of violence. Ambiguous words count only with that
    finding. A word of mixed scripts is a sign next to another one.
    """
    found = [one for one in findings if not one.attributes.get("negated")]
    graphic = max((one.score for one in found if one.category == Category.VIOLENCE_GRAPHIC), default=0.0)
    plain = [_without_ordinary(text) for text in texts]
    if graphic >= _MIN_ALONE or any(_GRAPHIC_WORDS.search(text) for text in plain):
        return True
    alarm = any(one.category == Category.VIOLENCE and is_alarm(one) for one in found)
    violence = alarm or graphic >= _MIN_WITH_WORD
    return violence + len(set().union(*(_signs(text, ambiguous=violence) for text in plain))) >= 2


def is_scored_graphic(findings: Iterable[Finding]) -> bool:
    """Whether a classifier supports words for graphic violence, also below its operating point."""
    return any(
        one.category == Category.VIOLENCE_GRAPHIC
        and one.score >= _MIN_WITH_WORD
        and not one.attributes.get("negated")
        for one in findings
    )


def has_violent_word(text: str) -> bool:
    """Whether a text, such as the new words of a model, has a single sign of violence."""
    plain = _without_ordinary(text)
    return bool(_signs(plain, ambiguous=True)) or any(
        each.search(plain) for each in (_GRAPHIC_WORDS, _BODY_WORDS, _HORROR_WORDS, _HARM_WORDS)
    )


def _signs(text: str, *, ambiguous: bool) -> set[str]:
    """The kinds of words in a text, and the beginning of each word for injury."""
    # A character of a longer word, such as 血 in 血淋淋, is a sign too.
    hits = list(driver_tables.word_forms(whole_words=False).find(text))
    blood = [hit for hit in hits if hit.values[0].row in _BLOOD]
    # A form such as "killing time" has a replacement, and "kill" has none.
    plain = {hit.values[0].row for hit in hits if not any(form.alternatives for form in hit.values)}
    unclear = {hit.values[0].row for hit in hits} & _AMBIGUOUS if ambiguous else frozenset()
    elsewhere = _blank(text, ((hit.start, hit.end) for hit in blood))
    signs = {f"injury {hit.group()[:4].lower()}" for hit in _INJURY_WORDS.finditer(elsewhere)}
    if plain & _DEATH or unclear:
        signs.add("death")
    if blood:
        signs.add("blood")
    if _CRUEL_WORDS.search(elsewhere):
        signs.add("cruel")
    clear = sum(bool(each.search(elsewhere)) for each in (_BODY_WORDS, _HORROR_WORDS, _HARM_WORDS))
    kinds = sum(
        bool(each.search(elsewhere) or common.search(elsewhere))
        for each, common in (
            (_BODY_WORDS, _COMMON_BODY_WORDS),
            (_HORROR_WORDS, _COMMON_HORROR_WORDS),
            (_HARM_WORDS, _COMMON_HARM_WORDS),
        )
    )
    # Each of these has ordinary meanings, so it takes two of them, or three if all are common words.
    if kinds >= 2 and (clear or ambiguous or kinds == 3):
        signs |= {"cruel", "harmed body"}
    if signs and _has_mixed_word(text):
        signs.add("mixed scripts")
    return signs


def _has_mixed_word(text: str) -> bool:
    return any(
        _LATIN_LETTER.search(word) and _LETTER_ALIKE.search(word)
        for word in (found.group() for found in _LETTERS.finditer(text))
    )


def _without_ordinary(text: str) -> str:
    """The text with spaces in place of exclusions ("no gore") and of ordinary phrases with blood."""
    text = _blank(text, ((one.start, one.end) for one in find_exclusions(text)))
    return _blank(text, (found.span() for found in _ORDINARY_BLOOD.finditer(text)))


def _blank(text: str, places: Iterable[tuple[int, int]]) -> str:
    letters = list(text)
    for start, end in places:
        letters[start:end] = " " * (end - start)
    return "".join(letters)
