"""The check of the prompt of an explained error, for the API and the pages."""

from __future__ import annotations

from safelight.accounts import Principal
from safelight.providers.advice.check_result import CheckResult
from safelight.providers.advice.model_choice import list_offers
from safelight.providers.advice.prompt_advice import AdviceOptions
from safelight.providers.advice.refused_prompt import RefusedPrompt, explain_prompt
from safelight.providers.provider_errors import ProviderError
from safelight.videos.checks import CheckService

from .create_request import create_request
from .services import Services


def explain_refused_prompt(
    services: Services,
    checks: CheckService,
    principal: Principal,
    error: ProviderError,
    prompt: str,
    provider: str = "",
) -> RefusedPrompt:
    """The answer about the prompt. Each text that is checked counts as one check."""

    def check(text: str, options: AdviceOptions) -> CheckResult:
        asked = create_request({"prompt": text}, max_prompt_chars=services.max_prompt_chars)
        found, _, _ = checks.check(principal, asked, options=options)
        return found

    return explain_prompt(error, prompt, provider, check, list_offers(services.generators))
