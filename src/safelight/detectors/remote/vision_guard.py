"""A guard that sees, as a scene detector: it gets the sheet, what was asked for, the words seen and heard."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import httpx

from safelight.detectors.protocol import Capability, PartialInspection, SceneFinding, SceneInput
from safelight.policy.findings import Finding, Modality

from .contact_sheet import MOST, data_url, pick_evenly, sheet, single
from .endpoint import EndpointOptions, GuardUnavailable, RemoteEndpoint
from .guard_formats import UnparseableResponse
from .vision_formats import POLICY, VisionGrammar

VERSION = "1"


@dataclass(frozen=True, kw_only=True)
class VisionOptions(EndpointOptions):
    """How a guard of pictures is asked, as the operator configured it."""

    model: str
    #: Seconds for one call, and for all calls about one file.
    timeout_s: float = 20.0
    total_timeout_s: float = 60.0
    remembers: int = 512
    #: Stills of one file that it is shown, at the most; where there are more, it saw a part. Each sheet of
    #: 16 is a call; for a guard that judges one still at a time each still is.
    max_keyframes: int = 96


class VisionGuard:
    """One endpoint. Safe to call from several threads; a call that fails raises, which leaves a hole."""

    #: Asked when every local detector has finished, and never about what is vaulted or quarantined.
    remote = True

    def __init__(
        self,
        client: httpx.Client,
        grammar: VisionGrammar,
        options: VisionOptions,
        *,
        name: str = "vision-guard",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        digest = hashlib.sha256(repr((options.model, POLICY)).encode()).hexdigest()
        self.version = f"{VERSION}+{grammar.name}.{digest[:8]}"
        self.capabilities = capabilities(grammar)
        self._grammar, self._options, self._clock = grammar, options, clock
        self._endpoint = RemoteEndpoint(client, options, clock=clock)

    def inspect_scene(self, scene: SceneInput) -> Iterable[SceneFinding]:
        """One finding per category the guard names. Raises `GuardUnavailable` or `PartialInspection`."""
        deadline = self._clock() + self._options.total_timeout_s
        shown = pick_evenly(scene.stills, self._options.max_keyframes)
        for group in self._groups(shown):
            if self._clock() > deadline:
                raise PartialInspection(
                    f"{self.name} had {self._options.total_timeout_s:g} s, and they were over."
                )
            stills = [scene.stills[place] for place in group]
            jpeg = single(stills[0]) if self._grammar.single else sheet(stills)
            until = None if self._grammar.single else group[-1]
            scores = self._scores(data_url(jpeg), scene)
            for name, score in sorted(scores.items()):
                yield SceneFinding(finding=self._finding(name, score), still=group[0], until=until)
        if len(shown) < len(scene.stills):
            raise PartialInspection(f"{self.name} was shown {len(shown)} of {len(scene.stills)} stills.")

    def _groups(self, places: Sequence[int]) -> list[Sequence[int]]:
        size = 1 if self._grammar.single else MOST
        return [places[start : start + size] for start in range(0, len(places), size)]

    def _scores(self, picture: str, scene: SceneInput) -> dict[str, float]:
        try:
            body = self._grammar.body(self._options.model, picture, scene)
        except UnparseableResponse as error:
            raise GuardUnavailable(str(error)) from error
        return self._endpoint.scores(self._grammar.path, body, self._grammar.read)

    def _finding(self, category: str, score: float) -> Finding:
        return Finding(
            category=category,
            score=score,
            modality=Modality.FRAMES,
            detector=self.name,
            version=self.version,
            reason=f"The guard model {self._options.model} sees this.",
            attributes={"kind": "guard"},
        )


def capabilities(grammar: VisionGrammar) -> tuple[Capability, ...]:
    """The cells a guard with this grammar fills."""
    return tuple(
        Capability(category=category, modality=modality)
        for category in grammar.categories
        for modality in (Modality.IMAGE, Modality.FRAMES)
    )
