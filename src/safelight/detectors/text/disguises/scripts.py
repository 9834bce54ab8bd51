"""Text in other scripts that has the sound of English, as Latin letters."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from .alphabets import read_table

#: Letters of scripts by the sound of the name that Unicode gives them.
_SOUND_NAME = re.compile(
    r"(?:CYRILLIC|GREEK|GEORGIAN|ARMENIAN|HEBREW|ARABIC|DEVANAGARI|COPTIC|GOTHIC|RUNIC|OGHAM|GLAGOLITIC|PHOENICIAN"
    r"|DESERET|SHAVIAN|CHEROKEE|HANGUL|HIRAGANA|KATAKANA|BENGALI|THAANA|THAI|TIFINAGH)"
    r" (?:CAPITAL |SMALL |LETTER |SYLLABLE |CHARACTER |CHOSEONG |JUNGSEONG |JONGSEONG |FINAL )*"
    r"([A-Z]+)"
)
_SOUNDS = {
    "CYRILLIC": "a:a be:b ve:v ghe:g de:d ie:e io:yo zhe:j ze:z i:i short:y ka:k el:l em:m en:n o:o pe:p "
    "er:r es:s te:t u:u ef:f ha:h tse:ts che:ch sha:sh shcha:sh hard: yeru:i soft: e:e yu:yu "
    "ya:ya byelorussian:i yi:i ukrainian:e je:j dje:j lje:l nje:n dzhe:j tshe:ch",
    "GREEK": "alpha:a beta:b gamma:g delta:d epsilon:e zeta:z eta:i theta:th iota:i kappa:k lamda:l "
    "mu:m nu:n xi:x omicron:o pi:p rho:r sigma:s tau:t upsilon:u phi:f chi:h psi:ps omega:o",
    "HEBREW": "alef:a bet:b gimel:g dalet:d he:h vav:v zayin:z het:h tet:t yod:y kaf:k lamed:l mem:m "
    "nun:n samekh:s ayin:e pe:p tsadi:ts qof:k resh:r shin:sh tav:t",
    "ARABIC": "alef:a beh:b teh:t theh:th jeem:j hah:h khah:kh dal:d thal:th reh:r zain:z seen:s "
    "sheen:sh sad:s dad:d tah:t zah:z ain:a ghain:g feh:f qaf:k kaf:k lam:l meem:m noon:n "
    "heh:h waw:w peh:p tcheh:ch veh:v gaf:g",
    "GEORGIAN": "an:a ban:b gan:g don:d en:e vin:v zen:z tan:t in:i kan:k las:l man:m nar:n on:o par:p "
    "zhar:j rae:r san:s tar:t un:u phar:p khar:k ghan:g qar:k shin:sh chin:ch can:ts jil:dz "
    "cil:ts char:ch xan:h jhan:j hae:h",
    "ARMENIAN": "ayb:a ben:b gim:g da:d ech:e za:z eh:e et:e to:t zhe:j ini:i liwn:l xeh:h ca:ts ken:k "
    "ho:h ja:dz ghad:g cheh:ch men:m yi:y now:n sha:sh vo:o cha:ch peh:p jheh:j ra:r seh:s "
    "vew:v tiwn:t reh:r co:ts yiwn:u piwr:p keh:k oh:o feh:f",
    "RUNIC": "fehu:f uruz:u thurisaz:th ansuz:a raido:r kauna:k gebo:g wunjo:w haglaz:h naudiz:n "
    "isaz:i jeran:j iwaz:i pertho:p algiz:z sowilo:s tiwaz:t berkanan:b ehwaz:e mannaz:m "
    "laukaz:l ingwaz:ng dagaz:d othalan:o ac:a aesc:a yr:y ear:ea ior:io cen:c long:s short:t",
    "GOTHIC": "ahsa:a bairkan:b giba:g dags:d aihvus:e qairthra:q iuja:z hagl:h thiuth:th eis:i kusma:k "
    "lagus:l manna:m nauths:n jer:j urus:u pairthra:p raida:r sauil:s teiws:t winja:w faihu:f "
    "iggws:x hwair:hw othal:o",
}

#: Letters that are read by their sound, as a share of the text.
_MIN_READ = 0.3


@lru_cache(maxsize=16_384)
def _sound(character: str) -> str:
    name = unicodedata.name(character, "")
    found = _SOUND_NAME.match(name)
    if not found:
        return character
    sound = found.group(1).lower()
    table = _sounds(name.split(" ", 1)[0])
    return table.get(sound, sound if not table else sound[0])


@cache
def _sounds(script: str) -> dict[str, str]:
    return read_table(_SOUNDS.get(script, ""))


def read_sounds(text: str) -> str:
    """Letters of another script by their sound; empty if the text has few."""
    read = "".join(map(_sound, text.casefold()))
    return (
        read if sum(_sound(letter) != letter for letter in text.casefold()) >= _MIN_READ * len(text) else ""
    )
