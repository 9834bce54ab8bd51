"""The check of prompts without a gateway: detectors, policy and waivers are loaded once for many prompts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from safelight.core.errors import InvalidField

from .output import Exit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from safelight.app.container import Container
    from safelight.detectors.text.pipeline import TextPipeline, TextReport
    from safelight.policy.tenant_policy import TenantPolicy
    from safelight.providers.advice.check_result import CheckResult
    from safelight.providers.advice.prompt_advice import AdviceOptions
    from safelight.screening.evaluation import StageResult

FIELD = "prompt"
#: The character for bytes that could not be read, and bytes of an argument that are not UTF-8.
_LOST = re.compile("[\ufffd\ud800-\udfff]")


class PromptChecker:
    """Checks prompts one by one. Records nothing."""

    def __init__(self, container: Container, policy: str | None) -> None:
        from safelight.screening.prompt import PromptStage

        self._stage = PromptStage(pipeline=make_pipeline(container))
        self._policy = find_policy(container, policy)
        self._taxonomy = container.core.taxonomy

    def check(self, text: str, options: AdviceOptions) -> CheckResult:
        """Screen a prompt, evaluate the policy, and advise on it."""
        from safelight.providers.advice.check_result import summarize_check

        texts = {FIELD: text}
        stage = self._stage.screen(texts, self._policy)
        return summarize_check((stage,), self._taxonomy, texts=texts, options=options)


class SharedPipeline:
    """Has texts inspected by the running gateway of the data folder, or here if that is impossible."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def screen(self, fields: Mapping[str, str], *, negated: frozenset[str] = frozenset()) -> TextReport:
        core = self._container.core
        # After the first text without an answer, the detectors are here.
        if not core.detectors.has_loaded_text_detectors:
            from safelight.screening.text_socket import ask

            report = ask(core.text_socket, fields, negated, timeout_s=core.settings.scan.text_timeout_s)
            if report is not None:
                return report
        return make_pipeline(self._container).screen(fields, negated=negated)


def make_pipeline(container: Container) -> TextPipeline:
    """The text detectors, with the time limit of a process that has just started."""
    from safelight.detectors.text.pipeline import LOADING_S, TextPipeline

    budget_s = max(LOADING_S, container.core.settings.scan.text_timeout_s)
    return TextPipeline(container.core.detectors.text_detectors(), budget_s=budget_s)


def has_data(container: Container) -> bool:
    """Whether there is a data directory or a database, which may contain waivers."""
    return container.core.settings.data.exists() or container.core.settings.storage.database is not None


def find_policy(container: Container, policy: str | None) -> TenantPolicy:
    """The policy to check with. Without a data directory, that of the settings, without waivers."""
    from safelight.policy.documents import load
    from safelight.policy.tenant_policy import TenantPolicy

    taxonomy, known = container.core.taxonomy, has_data(container)
    if policy is None and known:
        return container.pipeline.policy_loader.load(container.persistence.tenant)
    chosen = container.core.configured_policy if policy is None else load(policy, taxonomy)
    if not known:
        return TenantPolicy(tenant="", taxonomy=taxonomy, policy=chosen)
    stored = container.pipeline.policy_loader.load(container.persistence.tenant)
    return replace(stored, policy=chosen, facts=frozenset())


def require_unicode(text: str) -> None:
    """Raise `InvalidField` if the prompt has characters that stand for bytes in another encoding."""
    if _LOST.search(text):
        raise InvalidField(
            "The prompt has characters that were lost in another encoding.",
            param=FIELD,
            remedy="Give it in UTF-8.",
        )


def require_length(container: Container, text: str) -> None:
    """Raise `InvalidField` if the prompt is longer than the settings allow."""
    limit = container.core.settings.server.max_prompt_characters
    if len(text) > limit:
        raise InvalidField(f"The prompt has {len(text)} characters; the maximum is {limit}.", param=FIELD)


def exit_of(result: StageResult) -> Exit:
    """The exit code of a verdict. It is "not covered" if only a coverage gap holds or blocks the prompt."""
    from safelight.policy.verdicts import Action

    verdict = result.verdict
    if verdict.action.severity >= Action.HOLD.severity:
        if verdict.gaps and not verdict.findings:
            return Exit.NOT_COVERED
        return Exit.BLOCKED if verdict.action is Action.BLOCK else Exit.HELD
    return Exit.WAIVED if verdict.waivers else Exit.OK
