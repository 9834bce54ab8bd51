"""Reader of acts: finds who does what to whom in a text, such as an assault on somebody defenceless.

It reads a text sentence by sentence, by its MiniLM embedding, and also by its E5 embedding if these weights
are installed. Small networks judge each sentence, and with E5 also top layers that were fine-tuned;
`weights/acts.npz` contains them, with operating points.
docs/benchmarks/acts.md has the measured rates.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from safelight.detectors.onnx_session import open_session
from safelight.detectors.protocol import Abstained, Capability, PartialInspection, TextContent, TextView
from safelight.policy.findings import SHIPPED, Basis, Category, Finding, Modality, OperatingPoint, TextSpan
from safelight.policy.measurements import ACTS_WITHOUT_E5

from .attribution import Place
from .classifier_detectors import MiniLmDetector, shipped_rejections
from .e5.encoder import E5Encoder, join, unit
from .european import european_part
from .languages import LanguagePart
from .minilm.graph import WIDTH
from .normalise import final_views
from .purposes import bare_texts
from .real_people import means_real_person

Indices: TypeAlias = npt.NDArray[np.int64]
Array: TypeAlias = npt.NDArray[np.float32]
#: The tokens of a window: (tokens, 384).
Window: TypeAlias = npt.NDArray[np.floating[Any]]

VERSION = "1"
#: The name of the file with the networks.
FILE = "acts.npz"
#: Score of a finding at its operating point, from which policies may hold a request; and at the stricter
#: point, from which they may block it.
POINT_SCORE, STRICT_SCORE = 0.5, 0.8
#: Findings with a lower score are not recorded: only the gate of help reads them.
RECORDED_FROM = 0.3
#: Findings with a lower score are not reported at all.
MIN_SCORE = 0.001
#: The highest score of what is found only without the sentences that state a purpose.
MAX_SCORE_WITHOUT_PURPOSES = 0.29
#: Classes of the networks that are no finding: harmless texts, and those of people in distress, who get help
#: from the detector `distress`.
NO_FINDING = frozenset({"none", "distress"})
#: Categories that other classifiers report too. Here the reader only records, by a score below the operating
#: point: it stopped more of harmless sets than their targets allow (docs/benchmarks/acts.md).
RECORDED = frozenset({Category.SEXUAL.value, Category.DECEPTION.value})
MAX_RECORDED_SCORE = 0.49
#: Requests for a method are found too, but this detector is not how their category is covered: the others,
#: which need no weights, are.
ALSO_FOUND = frozenset({Category.ILLICIT.value})
#: Most sentences of one text that E5 reads; it reads those that MiniLM's network scores highest. Reading them
#: takes less than a third of a second on one core.
MAX_E5_WINDOWS = 12
#: The categories about which the classifier of MiniLM is asked, and the bound of its log-odds.
OPINIONS = (
    *("deception", "extremism", "harassment", "hate", "illicit", "ncii"),
    *("privacy", "self-harm", "sexual", "violence", "violence/graphic"),
)
MAX_ODDS = 9.0
#: Names of the networks in the file: one reads MiniLM embeddings, the other those of both encoders. And of
#: the thresholds for European languages.
MINILM, BOTH, EUROPEAN = "minilm", "both", "european"
#: Categories of what a text can repeat in order to reject it: hatred, and humiliation, which the networks
#: take for an assault ("stop humiliating ..."). Of the acts of assault in the fit set, 0.8 % look rejected.
_REJECTABLE = frozenset(
    {Category.HATE.value, Category.HATE_DEHUMANISATION.value, Category.VIOLENCE_ASSAULT.value}
)


def category_of(name: str) -> str:
    """The category of a class, which has its name; empty if the class is no finding."""
    return "" if name in NO_FINDING else name


@dataclass(frozen=True, kw_only=True)
class ActThresholds:
    """For each class, the log-odds of any harm at the operating point and at the stricter point."""

    thresholds: Array
    strict: Array
    points: tuple[OperatingPoint, ...]

    def scores(self, odds: Array, best: Indices) -> Array:
        """For each row, the score from 0 to 1. `best`: the index of its most probable class of harm."""
        steepness = np.log(STRICT_SCORE / (1 - STRICT_SCORE)) / (self.strict - self.thresholds)[best]
        excess = (odds - self.thresholds[best]) * steepness
        return np.asarray(1 / (1 + np.exp(-np.clip(excess, -30, 30))), dtype=np.float32)


def harm_odds(shares: Array, classes: Sequence[str]) -> tuple[Array, Indices]:
    """For each row of probabilities of the classes, the log-odds of any harm, and the index of the most
    probable class of harm.
    """
    is_harm = np.array([name not in NO_FINDING for name in classes])
    harmful = np.where(is_harm, shares, 0)
    harm = np.clip(harmful.sum(axis=1), 1e-7, 1 - 1e-7)
    return np.asarray(np.log(harm / (1 - harm)), dtype=np.float32), harmful.argmax(axis=1)


@dataclass(frozen=True, kw_only=True)
class ActNetwork:
    """Networks with one hidden layer, whose outputs are averaged, and their thresholds.

    Axes: `first` (embedding, networks and hidden together), `second` (networks, hidden, classes). One matrix
    for all networks, since NumPy multiplies several of this size ten times as slowly.
    """

    classes: tuple[str, ...]
    #: Subtracted from the inputs, and multiplied with them.
    centre: Array
    factor: Array
    first: Array
    first_bias: Array
    second: Array
    second_bias: Array
    at: ActThresholds

    def scores(self, inputs: Array, top: Array | None = None) -> tuple[Array, Indices]:
        """For each row, the score from 0 to 1, and the index of the most probable class of harm."""
        odds, best = self.log_odds(inputs, top)
        return self.at.scores(odds, best), best

    def log_odds(self, inputs: Array, top: Array | None = None) -> tuple[Array, Indices]:
        """For each row, the log-odds of any harm, and the index of the most probable class of harm. `top`:
        the log-probabilities by `TopLayers`, which count as much as these networks.
        """
        shares = self.shares(inputs)
        if top is not None:
            shares = np.exp((np.log(np.maximum(shares, 1e-9)) + top) / 2)
            shares /= shares.sum(axis=1, keepdims=True)
        return harm_odds(shares, self.classes)

    def shares(self, inputs: Array) -> Array:
        """For each row, the probability of each class."""
        hidden = ((inputs - self.centre) * self.factor) @ self.first
        hidden = hidden.reshape(len(inputs), *self.first_bias.shape).swapaxes(0, 1) + self.first_bias[:, None]
        outputs = np.maximum(hidden, 0) @ self.second + self.second_bias[:, None]
        shares = np.exp(outputs - outputs.max(axis=2, keepdims=True))
        shares /= shares.sum(axis=2, keepdims=True)
        return np.asarray(shares.mean(axis=0), dtype=np.float32)


class TopLayers:
    """Top layers of E5 that were fine-tuned to tell acts from their twins, and a linear head. Thread-safe."""

    def __init__(self, graph: bytes, head: Array, bias: Array) -> None:
        """`head` (768, classes) is for the maxima and the mean of the tokens."""
        self._session = open_session(graph)
        self._head = head
        self._bias = bias

    def log_shares(self, rows: Sequence[Sequence[Window]]) -> Array:
        """The log-probability of each class, for each row of windows that E5 read."""
        # The whole text, which is a row too, has the windows of the other rows.
        words = {id(window): self._run(window) for windows in rows for window in windows}
        outputs = np.stack([self._pool([words[id(window)] for window in windows]) for windows in rows])
        outputs = outputs @ self._head + self._bias
        outputs -= outputs.max(axis=1, keepdims=True)
        return np.asarray(outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True)), dtype=np.float32)

    def _run(self, window: Window) -> Array:
        feed = {
            "rows": window[None].astype(np.float32),
            "attention_mask": np.ones((1, len(window)), dtype=np.int64),
        }
        (words,) = self._session.run(["words"], feed)[0]
        return np.asarray(words, dtype=np.float32)

    def _pool(self, words: Sequence[Array]) -> Array:
        if not words:
            return np.zeros(2 * WIDTH, dtype=np.float32)
        tokens = np.concatenate(words)
        return np.concatenate([tokens.max(axis=0), unit(tokens.mean(axis=0))])


@dataclass(frozen=True, kw_only=True)
class ActNetworks:
    """The content of `acts.npz`."""

    networks: Mapping[str, ActNetwork]
    #: The thresholds of the top layers alone, for texts in European languages.
    european: ActThresholds
    #: The parts of `TopLayers`.
    graph: bytes
    head: Array
    bias: Array
    #: Hash of the classifiers beside which they were trained.
    classifiers: str
    sha256: str


def load(data: bytes | None = None) -> ActNetworks:
    """Load the shipped networks, or those in `data`. Raises `ValueError` or `KeyError` for invalid data."""
    if data is None:
        data = (files("safelight.detectors.text") / "weights" / FILE).read_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        networks = {name: _network(name, found) for name in (MINILM, BOTH)}
        return ActNetworks(
            networks=networks,
            european=_thresholds(EUROPEAN, found),
            graph=found["top/graph"].tobytes(),
            head=found["top/head"].astype(np.float32),
            bias=found["top/bias"].astype(np.float32),
            classifiers=str(found["classifiers"]),
            sha256=hashlib.sha256(data).hexdigest(),
        )


def _network(name: str, found: Mapping[str, npt.NDArray[Any]]) -> ActNetwork:
    def floats(part: str) -> Array:
        return found[f"{name}/{part}"].astype(np.float32)

    first = floats("first") * floats("first-scale")[..., None]
    return ActNetwork(
        classes=tuple(str(one) for one in found["classes"]),
        centre=floats("centre"),
        factor=floats("factor"),
        first=np.ascontiguousarray(first.reshape(-1, first.shape[-1]).T),
        first_bias=floats("first-bias"),
        second=floats("second"),
        second_bias=floats("second-bias"),
        at=_thresholds(name, found),
    )


def _thresholds(name: str, found: Mapping[str, npt.NDArray[Any]]) -> ActThresholds:
    return ActThresholds(
        thresholds=found[f"{name}/thresholds"].astype(np.float32),
        strict=found[f"{name}/strict"].astype(np.float32),
        points=msgspec.json.decode(found[f"{name}/points"].tobytes(), type=tuple[OperatingPoint, ...]),
    )


def load_folder(folder: str | None) -> ActNetworks:
    """Load the networks that `safelight train` wrote into a folder. If there are none, load the shipped
    networks.
    """
    path = Path(folder) / FILE if folder else None
    return load(path.read_bytes()) if path is not None and path.exists() else _shipped()


@cache
def _shipped() -> ActNetworks:
    return load()


@dataclass(frozen=True, kw_only=True)
class ActRows:
    """What the networks read of a text: the whole text first, then each of its windows if there are several.
    A window is a sentence, or several short ones.
    """

    #: Range of each row in the text.
    places: tuple[Place, ...]
    #: One row per place.
    inputs: Array
    #: For each row, the tokens of its windows as `E5Encoder` reads them. Empty without E5.
    tokens: tuple[tuple[Array, ...], ...] = ()
    #: Number of windows that were not read, because the text is too long.
    left_out: int = 0


class ActReader:
    """Reads a part of a text: its MiniLM embeddings, what the classifier of MiniLM says about them, and
    its E5 embeddings.
    """

    def __init__(self, minilm: MiniLmDetector, e5: E5Encoder | None = None) -> None:
        self.minilm = minilm
        self.e5 = e5

    def read(self, part: LanguagePart) -> ActRows | None:
        """The rows without E5; None if there is nothing to read."""
        voice = self.minilm.voice_for(part)
        reading = voice.read(part.text)
        if reading is None:
            return None
        odds = voice.classifier.log_odds(reading.grams, reading.embeddings)
        opinions = np.full((len(odds), len(OPINIONS)), -MAX_ODDS, dtype=np.float32)
        for column, category in enumerate(voice.classifier.categories):
            if category in OPINIONS:
                opinions[:, OPINIONS.index(category)] = odds[:, column]
        return ActRows(
            places=reading.places,
            inputs=np.concatenate([reading.embeddings, opinions.clip(-MAX_ODDS, MAX_ODDS)], axis=1),
            left_out=reading.left_out,
        )

    def read_european(self, part: LanguagePart) -> ActRows:
        """The rows of a part in a European language, which only E5 reads. They have no inputs."""
        assert self.e5 is not None
        every = self.e5.windows(part.text)
        windows = every[:MAX_E5_WINDOWS]
        tokens = tuple(one.tokens for one in self.e5.read(windows))
        places = [(one.start, one.end) for one in windows]
        if len(windows) > 1:
            places.insert(0, (windows[0].start, windows[-1].end))
            tokens = (tuple(one for row in tokens for one in row), *tokens)
        return ActRows(
            places=tuple(places),
            inputs=np.zeros((len(places), 0), dtype=np.float32),
            tokens=tokens,
            left_out=len(every) - len(windows),
        )

    def add_e5(self, text: str, rows: ActRows, windows: Sequence[int]) -> ActRows:
        """The rows of the whole text and of these windows, with their E5 embeddings."""
        assert self.e5 is not None
        chosen = [0] if len(rows.places) == 1 else list(windows)
        places = [rows.places[row] for row in chosen]
        readings = [self.e5.read_text(text[start:end]) for start, end in places]
        if len(rows.places) > 1:
            readings.insert(0, join(readings, [end - start for start, end in places]))
            chosen = [0, *chosen]
        embedded = np.stack([one.embedding for one in readings])
        return ActRows(
            places=tuple(rows.places[row] for row in chosen),
            inputs=np.concatenate([rows.inputs[chosen], embedded], axis=1),
            tokens=tuple(one.tokens for one in readings),
            left_out=rows.left_out,
        )


class _Judged(NamedTuple):
    """For each row of a text: its place, its score, and the index of its class."""

    places: tuple[Place, ...]
    scores: Array
    best: Indices


class ActDetector:
    """Judges the English and the Chinese part of a text, or a text in a European language, sentence by
    sentence.
    """

    #: Coverage reports this as the depth of the check.
    learned = True
    name = "acts"
    recorded_from = RECORDED_FROM

    def __init__(self, networks: ActNetworks, reader: ActReader) -> None:
        """Raises `ValueError` if the networks were trained beside other classifiers."""
        minilm = reader.minilm
        if networks.classifiers != minilm.classifiers.sha256:
            raise ValueError("these networks were trained beside other classifiers")
        self._reader = reader
        self._minilm = networks.networks[MINILM]
        self._both = networks.networks[BOTH] if reader.e5 else None
        self._top = TopLayers(networks.graph, networks.head, networks.bias) if reader.e5 else None
        self._european = networks.european
        self.version = f"{VERSION}+{networks.sha256[:8]}.{minilm.version}"
        if reader.e5:
            self.version += f".{reader.e5.sha256[:8]}"
        self.capabilities = tuple(
            Capability(
                category=category,
                modality=Modality.TEXT,
                measured=None if reader.e5 else ACTS_WITHOUT_E5,
            )
            for category in sorted(
                {category_of(name) for name in self._minilm.classes} - RECORDED - ALSO_FOUND - {""}
            )
        )

    @property
    def e5(self) -> E5Encoder | None:
        return self._reader.e5

    @property
    def points(self) -> Mapping[str, float]:
        """The score at the operating point of each category."""
        return {one.category: POINT_SCORE for one in self.capabilities}

    def inspect_text(self, content: TextContent) -> Iterator[Finding]:
        """At most one finding of each category in each part of the text, with the sentence that causes it,
        and another one in the part without what states a purpose.

        Raises `Abstained` at the end if no part could be judged, and `PartialInspection` if the end of a long
        text was not read.
        """
        judged, left_out = False, 0
        for view in final_views(content.views):
            original = view.text if view.is_guess else content.text
            for part in self._reader.minilm.splitter.split(view.text, original):
                point = part.point_in((self._both or self._minilm).at.points)
                rows = self._reader.read(part) if point else None
                if point is None or rows is None:
                    continue
                if not view.is_guess:
                    judged = True
                    left_out += rows.left_out
                yield from self._findings(content, view, self._judge(part, rows), point)
                for bare in (replace(part, text=text) for text in bare_texts(part.text)):
                    if rows := self._reader.read(bare):
                        yield from self._findings(
                            content, view, self._judge(bare, rows), point, highest=MAX_SCORE_WITHOUT_PURPOSES
                        )
        european = european_part(content.text) if self._top and not judged else None
        if european and (point := european.point_in(self._european.points)):
            judged, rows = True, self._reader.read_european(european)
            left_out = rows.left_out
            yield from self._findings(content, content.views[0], self._judge_european(rows), point)
        if left_out:
            raise PartialInspection(f"{left_out} parts of a long text were not read.")
        if not judged:
            raise Abstained("there is no operating point for the language and the length of the text.")

    def _judge(self, part: LanguagePart, rows: ActRows) -> _Judged:
        if self._both is None or self._top is None:
            return _Judged(rows.places, *self._minilm.scores(rows.inputs))
        windows = np.arange(1, len(rows.places))
        if len(windows) > MAX_E5_WINDOWS:
            odds, _best = self._minilm.log_odds(rows.inputs[1:])
            windows = np.sort(np.argsort(-odds, kind="stable")[:MAX_E5_WINDOWS]) + 1
        read = self._reader.add_e5(part.text, rows, windows.tolist())
        return _Judged(read.places, *self._both.scores(read.inputs, self._top.log_shares(read.tokens)))

    def _judge_european(self, rows: ActRows) -> _Judged:
        assert self._top is not None
        odds, best = harm_odds(np.exp(self._top.log_shares(rows.tokens)), self._minilm.classes)
        return _Judged(rows.places, self._european.scores(odds, best), best)

    def _findings(
        self,
        content: TextContent,
        view: TextView,
        judged: _Judged,
        point: OperatingPoint,
        *,
        highest: float = 1.0,
    ) -> Iterator[Finding]:
        places, scores = judged.places, judged.scores
        strongest: dict[str, int] = {}
        for row in np.argsort(-scores, kind="stable").tolist():
            if scores[row] >= MIN_SCORE:
                strongest.setdefault(category_of(self._minilm.classes[judged.best[row]]), row)
        for category, row in strongest.items():
            # The whole text is named by its strongest window, if that is an act by itself.
            place = places[row]
            if row == 0 and len(places) > 1 and scores[1:].max() >= POINT_SCORE:
                place = places[1 + int(scores[1:].argmax())]
            recorded = category in RECORDED or (
                category == Category.SEXUAL_REAL_PERSON and not means_real_person(view, content.text)
            )
            score = min(float(scores[row]), MAX_RECORDED_SCORE if recorded else 1.0, highest)
            rejected = (
                category in _REJECTABLE
                and score >= POINT_SCORE
                and shipped_rejections().is_rejected(view, [place], content.text)
            )
            start, end = view.span(*place)
            yield Finding(
                category=category,
                score=round(score, 4),
                modality=Modality.TEXT,
                detector=self.name,
                version=self.version,
                reason=f"The text resembles examples of: {SHIPPED[category].summary}",
                evidence=(TextSpan(field=content.field, start=start, end=end),),
                basis=Basis.LEARNED,
                point=point,
                attributes={"rejected": True} if rejected else {},
            )
