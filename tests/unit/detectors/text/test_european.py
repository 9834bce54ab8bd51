from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.detectors.text.european import european_part

HARBOUR = {
    "de": "Ein alter Hafen am Morgen, die Fischer kommen zurück und die Möwen kreisen über den Booten.",
    "es": "Un puerto viejo por la mañana, los pescadores vuelven y las gaviotas vuelan sobre los barcos.",
    "fr": "Un vieux port le matin, les pêcheurs reviennent et les mouettes tournent au-dessus des bateaux.",
    "it": "Un vecchio porto al mattino, i pescatori tornano e i gabbiani volano sopra le barche.",
    "nl": "Een oude haven in de ochtend, de vissers komen terug en de meeuwen vliegen boven de boten.",
    "pl": "Stary port o poranku, rybacy wracają do domu, a mewy krążą nad łodziami.",
    "pt": "Um porto velho de manhã, os pescadores voltam e as gaivotas voam por cima dos barcos.",
    "sv": "En gammal hamn på morgonen, fiskarna kommer tillbaka och måsarna flyger över båtarna.",
}


@pytest.mark.parametrize("text", HARBOUR.values(), ids=HARBOUR)
def test_a_sentence_in_each_of_the_languages_is_read_at_its_places(text: str) -> None:
    part = european_part(text)
    assert part is not None
    assert (part.language, part.length) == ("european", "9-20")
    assert part.text == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Der Hund",
        "An old harbour in the morning, the fishermen come back and gulls circle above the boats.",
        "早晨的老港口，漁夫歸來，海鷗在船上盤旋。",
        "Vanha satama aamulla, kalastajat palaavat ja lokit lentävät veneiden yllä.",
        "Eski bir liman sabah vakti, balıkçılar dönüyor ve martılar teknelerin üzerinde uçuyor.",
        "xqv zzk wrb plf gnt mmw kkr",
        "nam a staeb sih efiw htiw a tleb",
        "git commit -m fix && npm run build -- --mode production",
        "wo xi huan chi ping guo he xiang jiao",
        "yi ge nv ren zai hai bian tiao wu",
    ],
)
def test_other_texts_are_not_read(text: str) -> None:
    assert european_part(text) is None


@given(st.text(max_size=200))
def test_every_text_keeps_its_length(text: str) -> None:
    part = european_part(f"{HARBOUR['de']} {text}")
    assert part is None or len(part.text) == len(HARBOUR["de"]) + 1 + len(text)
