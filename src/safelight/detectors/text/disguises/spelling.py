"""Words that are misspelled on purpose: vowels left out, letters stirred, doubled, covered, or typed beside
their key, and spelling by sound. One way is chosen for a whole text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from .alphabets import LETTERS, read_table
from .language import Reading
from .vocabulary import english, index_by, log_frequency, words_of_length

_TOKEN = re.compile(r"\S+")
_EDGES = '.,;:"“”()[]!?'
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
#: Letters that signs and digits imitate.
_IMITATED = read_table(
    r"0:o 1:il 2:zr 3:e 4:a 5:s 6:bg 7:t 8:b 9:gq @:a $:s !:il |:il +:t (:c <:ck {:c [:c #:h ^:av %:x "
    r"&:e ?: *: _: -: .: ·: •: ~:n"
)
_GROUPS = read_table(
    r"/\/\:m |\/|:m \/\/:w |\|:n /\/:n |_|:u (_):u /-\:a |-|:h ]-[:h }{:h |):d |]:d |>:p |°:p |*:p "
    r"|<:k |{:k \/:v ><:x ():o []:o |=:f |2:r '/:y _|:j |3:b 1_:l |_:l ¥:y €:e £:l ¢:c °:p"
)
_GROUP = re.compile("|".join(re.escape(one) for one in sorted(_GROUPS, key=len, reverse=True)))
#: Cost of a letter in another place's key, under any sign, and of a wrong letter, in log10.
_NEAR, _COVERED, _WRONG, _IMITATES = -1.0, -0.35, -3.5, -0.1
#: A word with a lower sum of costs per letter is not read.
_MIN_COST = -0.5
#: Letters after which a way that explains less than half of them is given up, and fewest letters to explain.
_TRIED_LETTERS, _MIN_READ_LETTERS = 40, 14
#: The most frequent words, which are compared by their sound.
_SOUND_WORDS = 12_000
#: What short messages write for words.
_SHORTHAND = read_table(
    r"u:you r:are ur:your n:and da:the th:the w:with b:be c:see y:why ppl:people grl:girl cuz:because "
    r"luv:love dis:this dat:that @:at &:and 2:to 4:for 1:one w/:with w/o:without b4:before "
    r"bf:boyfriend gf:girlfriend sum1:someone pic:picture vid:video f:of t:to nd:and wth:with frm:from "
    r"n2:into hs:his ts:its n't:not"
)
_DIGIT_SOUNDS = read_table(r"8:ate 4:for 2:to 1:one 9:nine 6:six 3:e 0:o 5:s")
#: What is written and its sound, in this order.
_SOUNDS = [
    (re.compile(pattern), sound)
    for pattern, sound in read_table(
        r"tion|sion|cian:shn dge|dg:j tch|cz:ch sch:sh ch:C sh:S ph|gh(?=t)|ugh:f th|dh:d ^kn|^gn:n ^wr:r "
        r"wh:w ck|q|c(?![eiyh]):k c:s x:ks z:s g(?=[eiy]):j mb$:m l(?=k|m|f): ng$|n(?=g):n v:f "
        r"(?<!^)[aeiouyhw]: ^[aeiou]+:a (.)\1+:\1"
    ).items()
]
_PIG_ENDINGS = ("ay", "way", "yay", "hay")
_REPEATED = re.compile(r"(.)\1+")
_LATER_VOWELS = re.compile("(?<!^)[aeiou]")

#: Signs that are a word of one letter.
_SINGLE = read_table(r"4:a @:a 1:i !:i |:i #:a $:a %:a *:a _:a")
#: Letters that are written for each other by sound.
_SAME_SOUND = read_table(r"k:cq c:ks s:cz z:s i:ye y:i v:wf w:v f:v u:ow j:g g:j")

Spell = Callable[[str], str]


def _stirred(word: str) -> str:
    return "".join(sorted(word))


def _single(word: str) -> str:
    return _REPEATED.sub(r"\1", word)


def _consonants(word: str) -> str:
    return _LATER_VOWELS.sub("", word)


def _sound(word: str) -> str:
    for pattern, to in _SOUNDS:
        word = pattern.sub(to, word)
    return word


def respell(text: str) -> Iterator[Reading]:
    """The text as read by each way of misspelling that explains most of its unknown words."""
    tokens = _TOKEN.findall(text.casefold())
    for way, least in _WAYS:
        read, done, unknown = [], 0, 0
        for token in tokens:
            core = token.strip(_EDGES)
            is_known = core in english() and (way is not _add_vowels or len(core) < 3)
            word = core if is_known or not core else way(token)
            if not is_known:
                unknown += len(core)
                done += len(core) if word else 0
            read.append(word or core)
            if unknown >= _TRIED_LETTERS and done < 0.5 * unknown:
                break
        else:
            if done >= max(least * unknown, _MIN_READ_LETTERS):
                yield Reading(" ".join(read), done / unknown)


def _unstir(token: str) -> str:
    word = token.strip(_EDGES)
    found = index_by(_stirred).get(_stirred(word), ()) if len(word) > 1 else ()
    return max(found, key=lambda one: 2 * (one[0] == word[0]) + (one[-1] == word[-1]), default="")


def _undouble(token: str) -> str:
    word = token.strip(_EDGES)
    runs = [len(hit.group()) for hit in re.finditer(r"(.)\1*", word)]
    if not runs or min(runs) < 2:
        return ""
    return next(iter(index_by(_single).get(_single(word), ())), word[0] if len(runs) == 1 else "")


def _add_vowels(token: str) -> str:
    word = token.strip(_EDGES)
    if word in _SHORTHAND:
        return _SHORTHAND[word]
    if any(sign in _DIGIT_SOUNDS for sign in word):
        word = "".join(_DIGIT_SOUNDS.get(sign, sign) for sign in word)
    if word in english() and len(word) < 3:
        return word
    if sum(letter in "aeiou" for letter in word[1:]) > 0.25 * len(word):
        return word if word in english() else ""
    found = index_by(_consonants).get(_consonants(word), ())
    return next(iter(found or index_by(_sound, _SOUND_WORDS).get(_sound(word), ())), "")


def _turn_round(token: str) -> str:
    """The word whose first letters stand at its end, before an ending such as "ay"."""
    word = re.sub("[^a-z]", "", token)
    turned = [
        core[-size:] + core[:-size] if size else core
        for core in (word.removesuffix(ending) for ending in _PIG_ENDINGS if word.endswith(ending))
        for size in range(min(4, len(core)))
    ]
    best = max(turned, key=log_frequency, default="")
    return best if log_frequency(best) > -math.inf else ""


def _by_sound(token: str) -> str:
    word = re.sub("[^a-z]", "", "".join(_DIGIT_SOUNDS.get(sign, sign) for sign in token.strip(_EDGES)))
    if not word:
        return ""
    found = index_by(_sound, _SOUND_WORDS).get(_sound(word), ())
    return max(found, key=lambda one: log_frequency(one) - 0.5 * _vowel_difference(one, word), default="")


def _vowel_difference(first: str, second: str) -> float:
    return abs(len(first) - len(second)) + 2 * (first[0] != second[0]) + len(set(first) ^ set(second))


def _uncover(token: str) -> str:
    """The likeliest word of the same length, with other letters only where a sign or a key near it is."""
    token = token.replace("'", "")
    for word in dict.fromkeys((token, token.strip(_EDGES), token.rstrip(_EDGES))):
        if word in _SINGLE:
            return _SINGLE[word]
        word = _GROUP.sub(lambda hit: _GROUPS[hit.group()], word)
        if 1 < len(word) <= 16 and all(sign in _costs() for sign in word):
            found = _nearest(word)
            if found:
                return found
    return ""


@lru_cache(maxsize=4096)
def _nearest(token: str) -> str:
    words, letters, frequencies = words_of_length(len(token))
    if not words:
        return ""
    score = frequencies.copy()
    for at, sign in enumerate(token):
        score += _costs()[sign][letters[:, at]]
    best = int(score.argmax())
    return words[best] if score[best] - frequencies[best] >= _MIN_COST * len(token) else ""


@cache
def _costs() -> dict[str, npt.NDArray[np.float32]]:
    """For each sign, the cost of reading it as each letter."""
    found = {}
    for sign, letters in _IMITATED.items():
        found[sign] = np.full(26, _WRONG if sign.isdigit() else _COVERED, np.float32)
        found[sign][[LETTERS.index(letter) for letter in letters]] = _IMITATES
    for letter in LETTERS:
        costs = np.full(26, _WRONG, np.float32)
        costs[[LETTERS.index(near) for near in _neighbours(letter)]] = _NEAR
        costs[LETTERS.index(letter)] = 0.0
        found[letter] = costs
    return found


def _neighbours(letter: str) -> Sequence[str]:
    row = next(row for row in _ROWS if letter in row)
    at, below = row.index(letter), _ROWS.index(row)
    near = [row[place] for place in (at - 1, at + 1) if 0 <= place < len(row)]
    for other in (below - 1, below + 1):
        if 0 <= other < len(_ROWS):
            near += [_ROWS[other][place] for place in (at - 1, at, at + 1) if 0 <= place < len(_ROWS[other])]
    return [*near, *_SAME_SOUND.get(letter, "")]


#: The ways of misspelling, and the share of the unknown letters that they have to read: ways that match
#: nearly everything need more.
_WAYS: tuple[tuple[Spell, float], ...] = (
    (_unstir, 0.8),
    (_turn_round, 0.8),
    (_undouble, 0.7),
    (_uncover, 0.8),
    (_add_vowels, 0.8),
    (_by_sound, 0.92),
)
