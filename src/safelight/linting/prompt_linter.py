"""Checks one prompt and converts the result to findings at places of its file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from safelight.core.i18n import DEFAULT, load_messages
from safelight.policy.explanations import ExplanationLevel, explain
from safelight.policy.findings import Taxonomy
from safelight.policy.verdicts import Action
from safelight.providers.advice.drivers import PROMPT, Driver
from safelight.providers.advice.help_gate import WITHOUT_ADVICE, HelpRefusal
from safelight.providers.advice.prompt_advice import AdviceOptions
from safelight.providers.advice.provider_risk import RiskLevel
from safelight.screening.check_result import CheckResult
from safelight.screening.session_blocks import SessionBlocks

from .lint_finding import LintFinding, LintLevel, LintRule
from .lint_prompt import FilePlace, LintPrompt, UnreadPart
from .prompt_file import ENDINGS

#: Checks a text with the policy in force, and advises on it. Records nothing.
PromptCheck = Callable[[str, AdviceOptions], CheckResult]
_TOP = FilePlace(line=1, column=1)
_VERDICTS = {
    Action.BLOCK: (LintRule.POLICY_BLOCK, LintLevel.ERROR),
    Action.HOLD: (LintRule.POLICY_HOLD, LintLevel.ERROR),
    Action.LABEL: (LintRule.POLICY_LABEL, LintLevel.NOTE),
}
_REFUSALS = {HelpRefusal.DISTRESS: LintRule.DISTRESS, HelpRefusal.UNSURE: LintRule.QUESTION}
_RISKS = {RiskLevel.HIGH: LintLevel.WARNING, RiskLevel.MEDIUM: LintLevel.NOTE}


@dataclass(frozen=True, kw_only=True)
class LintOptions:
    """What the findings are about, and their language."""

    #: Provider or model whose risk is reported; empty for none.
    provider: str = ""
    #: Whether words that a filter may react to are reported without a provider too.
    drivers: bool = False
    locale: str
    #: Longer prompts are refused by the gateway, and not checked here.
    max_characters: int
    #: Whether the policy refuses requests that name no approved template.
    demands_template: bool = False


class PromptLinter:
    """Lints prompts one after another. Prompts that resemble a blocked one of the run get no suggestions."""

    def __init__(self, check: PromptCheck, taxonomy: Taxonomy, options: LintOptions) -> None:
        self._check = check
        self._taxonomy = taxonomy
        self._options = options
        #: Whether words that a filter may react to are reported.
        self._names_words = bool(options.provider or options.drivers)
        self._blocks = SessionBlocks()
        self._t = load_messages("lint", options.locale)
        self._advice = load_messages("advice", options.locale)

    def check(self, text: str) -> CheckResult:
        """The result of the check, without suggestions if the text resembles a blocked prompt of the run."""
        options = AdviceOptions(provider=self._options.provider, suggests=self._names_words)
        if self._blocks.is_similar(text):
            options = replace(options, recent=HelpRefusal.RECENT_BLOCK)
        checked = self._check(text, options)
        if checked.action is Action.BLOCK and not checked.explanation.test_card:
            self._blocks.remember(text)
        return checked

    def lint(self, file: str, prompt: LintPrompt) -> tuple[list[LintFinding], CheckResult | None]:
        """The findings of one prompt, and the result of its check; None if it is too long to be checked."""
        limit = self._options.max_characters
        if len(prompt.text) > limit:
            message = self._t("too_long", length=len(prompt.text), limit=limit)
            at = prompt.place_of(0)
            return [self._error(file, at, LintRule.TOO_LONG, message)], None
        checked = self.check(prompt.text)
        return [*self._findings(file, prompt, checked)], checked

    def unread(self, file: str, part: UnreadPart) -> LintFinding:
        """The finding of a part that could not be read."""
        message = self._t(f"unread.{part.reason}", **part.values)
        return self._error(file, FilePlace(line=part.line, column=1), LintRule.UNREADABLE, message)

    def _error(self, file: str, place: FilePlace, rule: LintRule, message: str) -> LintFinding:
        return LintFinding(file=file, place=place, rule=rule, level=LintLevel.ERROR, message=message)

    def note(
        self, file: str, rule: LintRule, message: str, *, place: FilePlace = _TOP, **values: Any
    ) -> LintFinding:
        """A note about a file or one of its prompts. `message`: its key."""
        text = self._t(message, **values)
        return LintFinding(file=file, place=place, rule=rule, level=LintLevel.NOTE, message=text)

    def no_prompts(self, file: str, kind: str, field: str, level: LintLevel) -> LintFinding:
        """The finding that a file of this format has no prompt, and what would be one."""
        what = self._t(f"prompts_in.{kind}", field=field)
        return replace(self.note(file, LintRule.NO_PROMPTS, "no_prompts", what=what), level=level)

    def template_required(self, file: str) -> LintFinding | None:
        """The finding that the prompts of a file cannot be sent as they are; None if they can."""
        if not self._options.demands_template:
            return None
        found = self.note(file, LintRule.TEMPLATE_REQUIRED, "template_required")
        return replace(found, level=LintLevel.WARNING)

    def no_files(self, folder: str) -> LintFinding:
        """The finding that a folder has no file that can be read."""
        message = self._t("no_files", endings=", ".join(ENDINGS))
        return self._error(folder, _TOP, LintRule.NO_PROMPTS, message)

    def _findings(self, file: str, prompt: LintPrompt, checked: CheckResult) -> Iterator[LintFinding]:
        whole = LintFinding(
            file=file,
            place=prompt.place_of(0),
            end=prompt.place_of(len(prompt.text)) if prompt.exact else None,
            rule=LintRule.NOT_CHECKED,
            level=LintLevel.NOTE,
            message="",
            answer=checked.prompt_advice.answer.value,
        )
        advice = checked.prompt_advice
        found = checked.explanation
        if self._options.locale != DEFAULT:
            found = explain(
                checked.deciding.verdict,
                self._taxonomy,
                level=ExplanationLevel.DEVELOPER,
                locale=self._options.locale,
            )
        lines = [line.text for line in (*found.support, *advice.help_lines)]
        if checked.action in _VERDICTS:
            rule, level = _VERDICTS[checked.action]
            message = " ".join([found.sentence, *lines])
            yield replace(whole, rule=rule, level=level, message=message, categories=found.categories)
            if checked.action is not Action.LABEL:
                return
        if advice.refusal is HelpRefusal.NOT_CHECKED:
            yield replace(whole, message=self._t("not_checked"))
        elif advice.refusal:
            rule = _REFUSALS.get(advice.refusal, LintRule.NO_SUGGESTIONS)
            message = " ".join([self._advice(f"refusal.{advice.refusal}"), *lines])
            yield replace(whole, rule=rule, message=message)
        if advice.refusal in WITHOUT_ADVICE:
            return
        if self._options.provider and advice.risk.level in _RISKS:
            risk = advice.risk.as_wire(self._advice)
            level_name = self._advice(f"level.{risk['level']}")
            yield replace(
                whole,
                rule=LintRule.PROVIDER_RISK,
                level=_RISKS[advice.risk.level],
                message=self._t("risk", level=level_name, reason=risk["reason"]),
                risk=risk["level"],
            )
        if self._names_words:
            for driver in advice.drivers:
                if not driver.excluded and (found_here := self._driver(whole, prompt, driver, checked)):
                    yield found_here

    def _driver(
        self, whole: LintFinding, prompt: LintPrompt, driver: Driver, checked: CheckResult
    ) -> LintFinding | None:
        span = next((span for span in driver.spans if span.field == PROMPT), None)
        if span is None:
            return None
        said = driver.as_wire(self._advice)
        suggestions = [
            one.as_wire(self._advice)
            for one in checked.prompt_advice.suggestions
            if one.values.get("words") in driver.words
        ]
        sentences = [" ".join(filter(None, (one["text"], one["condition"]))) for one in suggestions]
        return replace(
            whole,
            place=prompt.place_of(span.start),
            end=prompt.place_of(span.end) if prompt.exact else None,
            rule=LintRule.DRIVER,
            message=self._t("driver", words=said["text"], reason=said["reason"]),
            risk=checked.prompt_advice.risk.level.value if self._options.provider else "",
            suggestions=tuple(sentences),
        )
