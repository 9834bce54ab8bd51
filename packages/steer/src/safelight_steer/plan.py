"""What a generation is steered away from, and by which methods. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

#: What `Method.STYLE` puts before the prompt (an encoder cuts off the end) and into the negative prompt.
DRAWN, REALISTIC = "hand-drawn cartoon animation, ", "photorealistic, photograph, live action"


class Method(StrEnum):
    """A method of steering, or watching."""

    #: Removes the concept from the token vectors of the prompt.
    EMBEDDING = "embedding"
    #: Adds an anchor phrase where the concept was removed. Part of `EMBEDDING`.
    ANCHOR = "anchor"
    #: A third prediction of the denoiser, for the concept, and its direction subtracted.
    GUIDANCE = "guidance"
    #: Negative prompts, joined to the user's.
    NEGATIVE = "negative"
    #: The prompt asks for a drawn picture; a negative prompt against photorealism is joined to the user's.
    STYLE = "style"
    #: Estimates of the clean image are read during the generation.
    WATCHING = "watching"


@dataclass(frozen=True, kw_only=True)
class Concept:
    """Something that a clip must not show, described by short phrases."""

    #: A category of the policy, or any other id.
    id: str
    #: Phrases that name the concept, such as "red paint splash".
    phrases: tuple[str, ...]
    #: Harmless phrases that share words with the concept, such as "red ball" and "blue splash". The threshold
    #: of the gate is above all of them.
    near_misses: tuple[str, ...] = ()
    #: A harmless phrase that is put in its place, such as "blue water splash"; empty: the concept is removed
    #: only, which often leaves an empty scene.
    anchor: str = ""
    #: Text for the negative prompt, for example "photorealistic" as a constraint of style; empty: the
    #: phrases.
    negative: str = ""

    def __post_init__(self) -> None:
        if not self.phrases or not all(phrase.strip() for phrase in self.phrases):
            raise ValueError(
                f"The concept {self.id!r} needs at least one phrase, and no phrase may be empty."
            )


@dataclass(frozen=True, kw_only=True)
class SteeringPlan:
    """How one generation is steered and watched. The default is neither."""

    concepts: tuple[Concept, ...] = ()
    #: Methods to use where the pipeline allows them.
    methods: frozenset[Method] = frozenset()
    #: Methods without which no clip may be made: a gap in one of them is an error.
    required: frozenset[Method] = frozenset()

    def __post_init__(self) -> None:
        if missing := self.required - self.methods:
            raise ValueError(f"The plan requires methods that it does not use: {', '.join(sorted(missing))}.")
        if self.methods - {Method.WATCHING} and not self.concepts:
            raise ValueError("A plan that steers needs at least one concept.")

    @property
    def steers(self) -> bool:
        return bool(self.methods - {Method.WATCHING})

    def unmet(self, applied: Iterable[Method]) -> frozenset[Method]:
        """The required methods that were not in effect. An anchor is only put where a concept was found."""
        return self.required - set(applied) - {Method.ANCHOR}

    @property
    def negative(self) -> str:
        """The negative prompt of the methods; empty if none has one."""
        of_concepts = [concept.negative or ", ".join(concept.phrases) for concept in self.concepts]
        return join_negative_prompts(
            REALISTIC if Method.STYLE in self.methods else "",
            *(of_concepts if Method.NEGATIVE in self.methods else ()),
        )


def join_negative_prompts(*prompts: str | None) -> str:
    """The prompts as one, without repeated parts.

    Encoders cut a text off at its end. Pass the text that must not be lost first: a long negative prompt of a
    user then cannot displace it.
    """
    parts: dict[str, str] = {}
    for prompt in prompts:
        for part in (prompt or "").split(","):
            words = " ".join(part.split())
            if words:
                parts.setdefault(words.casefold(), words)
    return ", ".join(parts.values())
