"""English words that begin or end a noun phrase, or only describe its noun."""

from __future__ import annotations


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: Words with which a noun phrase begins.
STARTS = _set(
    "a an the one another some any each every two three four five six seven eight nine ten twelve several "
    "many few his her its their my our your these those"
)
#: Those of them that one thing follows.
SINGULAR = _set("a an one another every each")
#: Plurals that do not end in s.
PLURALS = _set("children people men women mice sheep geese deer fish wolves oxen cattle")
#: Nouns that end like a participle.
NOT_PARTICIPLES = _set(
    "building ceiling string spring thing painting wedding morning evening lightning duckling steed "
    "sapling railing clothing hundred darling viking"
)
#: Prepositions.
PREPOSITIONS = _set(
    "in on at by with from to into onto over under above below beneath behind beside near between among "
    "through across along around towards toward against after before during without inside outside past "
    "off for as like up down upon within beyond next amid of"
)
#: Other words that end a noun phrase, and words of a request such as "please make".
_OTHER_BREAKS = _set(
    "and or but while when where which who whom whose that is are was were be being been has have had "
    "does do did will would can could should may might then as if so there here it he she they we you i "
    "him them very slowly alone asleep awake far away high low outdoors indoors together everywhere just "
    "not only still gently quickly softly quietly please make create generate show draw give render "
    "imagine film animate"
)
BREAKS = PREPOSITIONS | _OTHER_BREAKS
#: Words that only describe a noun.
ADJECTIVES = _set(
    "big small large little tiny huge giant great tall short long wide narrow old young new ancient "
    "modern lonely lone single quiet calm bright dark light heavy thick thin deep high low warm cold hot "
    "cool dry wet soft hard wild tame cute beautiful pretty lovely elegant handsome ugly happy sad angry "
    "sleepy tired brave curious empty full busy crowded open closed wooden stone golden silver rusty "
    "shiny dusty snowy rainy foggy misty cloudy sunny stormy rocky sandy grassy leafy green red blue "
    "white black yellow orange brown grey gray purple pink fluffy furry hairy striped spotted fat slim "
    "strong majestic gentle slow fast quick steady vintage classic cinematic realistic detailed dramatic "
    "moody cozy cosy plain simple rural urban abandoned ruined distant close beautiful serene peaceful "
    "epic grand magnificent traditional chinese japanese european african arctic polar tropical autumn "
    "winter summer spring morning evening night middle-aged elderly baby adult first last early late "
    "minimalist vivid"
)
