"""Builds the prompt templates and the library of proven prompts."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from .core import CoreParts
from .persistence import PersistenceParts
from .review import ReviewParts

if TYPE_CHECKING:
    from safelight.trust.accounts import Principal
    from safelight.trust.library import Library
    from safelight.trust.templates import Templates


class PromptParts:
    """The prompts that a team keeps: templates, and prompts whose videos were delivered."""

    def __init__(self, core: CoreParts, persistence: PersistenceParts, review: ReviewParts) -> None:
        self._core = core
        self._persistence = persistence
        self._review = review

    @cached_property
    def templates(self) -> Templates:
        from safelight.trust.templates import Templates

        return Templates(self._persistence.database)

    @cached_property
    def library(self) -> Library:
        from safelight.trust.library import Library

        return Library(
            self._persistence.database,
            check=self._check_prompt,
            offered_models=lambda: {
                model for generator in self._core.generators.values() for model in generator.info().models
            },
        )

    def _check_prompt(self, principal: Principal, prompt: str) -> str:
        """The verdict of a check of this prompt for the default model."""
        from safelight.moderation.request import CreateRequest

        asked = CreateRequest(prompt=prompt)
        found, _, _ = self._review.checks.check(principal, asked, estimates_risk=False)
        return found.verdict
