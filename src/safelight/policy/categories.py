"""The categories of harm, their groups, and which of them are mandatory or hide details."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Group(StrEnum):
    """A group of categories. Readers see the group if the category itself would reveal too much."""

    SEXUAL = "sexual"
    MINORS = "minors"
    VIOLENCE = "violence"
    SELF_HARM = "self-harm"
    HATE = "hate"
    EXTREMISM = "extremism"
    ILLICIT = "illicit"
    LIKENESS = "likeness"
    IP = "ip"
    DECEPTION = "deception"
    PRIVACY = "privacy"
    HEALTH = "health"


class Category(StrEnum):
    """The shipped categories.

    A third party adds its own as `CategorySpec`s. For this reason, the type of a category is `str` elsewhere.
    """

    SEXUAL = "sexual"
    SEXUAL_MINORS = "sexual/minors"
    NCII = "ncii"
    VIOLENCE = "violence"
    VIOLENCE_GRAPHIC = "violence/graphic"
    SELF_HARM = "self-harm"
    SELF_HARM_INTENT = "self-harm/intent"
    SELF_HARM_INSTRUCTIONS = "self-harm/instructions"
    HATE = "hate"
    HATE_SYMBOLS = "hate/symbols"
    HARASSMENT = "harassment"
    EXTREMISM = "extremism"
    ILLICIT = "illicit"
    LIKENESS = "likeness"
    IP_CHARACTER = "ip/character"
    IP_BRAND = "ip/brand"
    DECEPTION = "deception"
    DECEPTION_SPEECH = "deception/speech"
    DECEPTION_SUBLIMINAL = "deception/subliminal"
    PRIVACY = "privacy"
    MINORS_PRESENT = "minors-present"
    PHOTOSENSITIVE = "photosensitive"


@dataclass(frozen=True, kw_only=True)
class CategorySpec:
    #: The name in code, API, database and pages, such as `violence/graphic`.
    name: str
    #: The group that readers see if the category is withheld from them.
    group: Group
    #: One sentence for policy authors: what the category covers.
    summary: str
    #: Whether the category is in the mandatory set. A policy cannot drop it; only a waiver can.
    mandatory: bool = False
    #: Whether the evidence could serve as instructions. If so, explanations show only the group.
    hide_details: bool = False


class Taxonomy:
    """The categories of one installation: the shipped ones and those of installed packages."""

    def __init__(self, specs: Iterable[CategorySpec]) -> None:
        self._specs: dict[str, CategorySpec] = {}
        for spec in specs:
            if spec.name in self._specs:
                raise ValueError(f"category {spec.name!r} is defined twice")
            self._specs[spec.name] = spec

    def __getitem__(self, name: str) -> CategorySpec:
        return self._specs[name]

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def __iter__(self) -> Iterator[CategorySpec]:
        return iter(self._specs.values())

    def __len__(self) -> int:
        return len(self._specs)

    @property
    def mandatory(self) -> frozenset[str]:
        return frozenset(spec.name for spec in self if spec.mandatory)

    @property
    def discreet(self) -> frozenset[str]:
        """The categories of which most readers see only the group."""
        return frozenset(spec.name for spec in self if spec.hide_details)

    def extended(self, specs: Iterable[CategorySpec]) -> Taxonomy:
        """This taxonomy with additional categories. An additional category cannot replace an existing one."""
        added = tuple(specs)
        return Taxonomy([*self, *added]) if added else self


def _spec(
    category: Category, group: Group, summary: str, *, mandatory: bool = False, hide_details: bool = False
) -> CategorySpec:
    return CategorySpec(
        name=category.value, group=group, summary=summary, mandatory=mandatory, hide_details=hide_details
    )


SHIPPED = Taxonomy(
    [
        _spec(Category.SEXUAL, Group.SEXUAL, "Sexual content and nudity of adults.", mandatory=True),
        _spec(
            Category.SEXUAL_MINORS,
            Group.MINORS,
            "Sexual content together with any sign of a minor.",
            mandatory=True,
            hide_details=True,
        ),
        _spec(
            Category.NCII,
            Group.LIKENESS,
            "Intimate imagery of a recognisable person without consent.",
            mandatory=True,
            hide_details=True,
        ),
        _spec(Category.VIOLENCE, Group.VIOLENCE, "Violence against people or animals."),
        _spec(
            Category.VIOLENCE_GRAPHIC,
            Group.VIOLENCE,
            "Gore: injuries, mutilation or death in graphic detail.",
            mandatory=True,
        ),
        _spec(Category.SELF_HARM, Group.SELF_HARM, "Self-harm or suicide as a subject."),
        _spec(
            Category.SELF_HARM_INTENT, Group.SELF_HARM, "A person expresses the intention to harm themselves."
        ),
        _spec(
            Category.SELF_HARM_INSTRUCTIONS,
            Group.SELF_HARM,
            "Methods of self-harm shown or explained.",
            hide_details=True,
        ),
        _spec(Category.HATE, Group.HATE, "Hatred against a group because of who its members are."),
        _spec(Category.HATE_SYMBOLS, Group.HATE, "Symbols of hate movements used to promote them."),
        _spec(Category.HARASSMENT, Group.HATE, "Threats, humiliation or bullying of a person."),
        _spec(
            Category.EXTREMISM,
            Group.EXTREMISM,
            "Praise, promotion or recruitment for violent extremism.",
            mandatory=True,
            hide_details=True,
        ),
        _spec(
            Category.ILLICIT,
            Group.ILLICIT,
            "How to commit crimes; trade in illegal goods.",
            hide_details=True,
        ),
        _spec(
            Category.LIKENESS,
            Group.LIKENESS,
            "A recognisable real person is depicted or named.",
            mandatory=True,
        ),
        _spec(Category.IP_CHARACTER, Group.IP, "A protected fictional character."),
        _spec(Category.IP_BRAND, Group.IP, "A brand, logo or trademark."),
        _spec(
            Category.DECEPTION,
            Group.DECEPTION,
            "Fabricated content that viewers may believe is real: fake news, invented events.",
        ),
        _spec(Category.DECEPTION_SPEECH, Group.DECEPTION, "Invented speech attributed to a real person."),
        _spec(
            Category.DECEPTION_SUBLIMINAL,
            Group.DECEPTION,
            "Text or pictures that appear too briefly to be noticed.",
        ),
        _spec(Category.PRIVACY, Group.PRIVACY, "Private data of a person: address, number, document."),
        _spec(
            Category.MINORS_PRESENT,
            Group.MINORS,
            "A child or teenager is present; this alone is not a violation.",
        ),
        _spec(Category.PHOTOSENSITIVE, Group.HEALTH, "Flicker that can cause a seizure."),
    ]
)
