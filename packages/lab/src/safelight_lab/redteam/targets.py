"""Targets of a red team: the prompt stage in this process, or a server whose owner agreed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from safelight.core.errors import InvalidField, SafelightError, Unavailable
from safelight.core.net.json_client import JsonClient, JsonExchangeFailed
from safelight.detectors.text.pipeline import TextPipeline
from safelight.policy.documents import Policy
from safelight.policy.findings import Taxonomy, suggests_sexual_minors
from safelight.policy.tenant_policy import TenantPolicy
from safelight_lab.evaluation.assessments import deciding_category
from safelight_lab.evaluation.prompt_eval import hash_of_versions, outcome_of
from safelight_lab.evaluation.protocol import EvalCase
from safelight_lab.evaluation.suite.cache import Cache, Decision, hash_of_code
from safelight_lab.evaluation.suite.manifests import sha256_of
from safelight_lab.evaluation.suite.suite_run import is_unfinished

from .ownership import Challenge, allowed_host
from .seeds import MINORS

#: Seconds for one answer of a server: its detectors may be loading.
ANSWER_S = 30.0
_GO_ON = "Run the same command again later: it goes on where it stopped."


@dataclass(frozen=True, kw_only=True)
class Answer(Decision):
    """What a target decided about one text."""

    #: Whether the text was found to be sexual content about minors.
    minors: bool = False


class Target(Protocol):
    """Decides about texts. `judge` names the version that decides, for the cache."""

    @property
    def judge(self) -> tuple[str, ...]: ...

    def decide(self, text: str) -> tuple[Answer, bool]:
        """The decision, and whether it may be kept. Raises `SafelightError`."""
        ...


@dataclass(frozen=True, kw_only=True)
class PromptStageTarget:
    """The detectors and one policy in this process, without waivers."""

    pipeline: TextPipeline
    taxonomy: Taxonomy
    policy: Policy

    @property
    def model_hash(self) -> str:
        return hash_of_versions({one.name: one.version for one in self.pipeline.detectors})

    @property
    def judge(self) -> tuple[str, ...]:
        return "redteam", self.policy.sha256, self.model_hash, hash_of_code()

    def decide(self, text: str) -> tuple[Answer, bool]:
        policy = TenantPolicy(tenant="", taxonomy=self.taxonomy, policy=self.policy)
        found = self.pipeline.screen({"prompt": text})
        case = EvalCase(text=text, label="", categories=(), source="", lang="und")
        verdict = outcome_of(case, found, {"": policy}).verdicts[""]
        answer = Answer(
            action=verdict.action.value,
            category=deciding_category(verdict),
            minors=suggests_sexual_minors(found.findings),
        )
        return answer, not is_unfinished(found.cells)


class ServerTarget:
    """`POST /v1/moderations` of a server that answered the challenge. A flagged text counts as stopped."""

    def __init__(self, challenge: Challenge, key: str) -> None:
        self._url = f"{challenge.url}/v1/moderations"
        self._key, self._token = key, challenge.token
        self._client = JsonClient(allow_hosts=[allowed_host(challenge.url)], total_s=ANSWER_S)

    @property
    def judge(self) -> tuple[str, ...]:
        return "server", self._url, self._token

    def decide(self, text: str) -> tuple[Answer, bool]:
        headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            status, document = self._client.post_json(self._url, {"input": text}, headers)
        except JsonExchangeFailed as error:
            if error.status not in (0, 200):
                raise _refused(error.status) from error
            raise Unavailable(
                "The server ended the connection, or gave no whole answer in time.", remedy=_GO_ON
            ) from error
        if status != 200:
            raise _refused(status)
        try:
            found = document["results"][0]
            action = "block" if _is_true(found["flagged"]) else "allow"
            return Answer(action=action, minors=_is_true(found["categories"].get(MINORS, False))), True
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise Unavailable(f"{self._url} did not answer with a result.", remedy=_GO_ON) from error


def _is_true(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _refused(status: int) -> SafelightError:
    if status == 429:
        return Unavailable("The server answers no more checks now (status 429).", remedy=_GO_ON)
    if status in (401, 403):
        return InvalidField(
            f"The server does not accept the key (status {status}).",
            param="key",
            remedy="Give a key with the scope `checks`: --key, or SAFELIGHT_API_KEY.",
        )
    return Unavailable(f"The server answered with status {status}.", remedy=_GO_ON)


class Decisions:
    """The decisions of one target. Each is written at once, without the text, so that a run goes on."""

    def __init__(self, target: Target, cache: Cache[Answer], observe: Callable[[], None]) -> None:
        self._target, self._cache, self._observe = target, cache, observe
        #: Decisions of this run that were not kept, because a detector failed or was late.
        self._late: dict[str, Answer] = {}
        #: Seeds that the target found to be about minors and sex; they are not used.
        self.left_out: set[str] = set()
        #: Different texts that this run needed a decision about, also of an earlier run.
        self._asked: set[str] = set()

    @property
    def queries(self) -> int:
        return len(self._asked)

    @property
    def unfinished(self) -> int:
        return len(self._late)

    def decide(self, text: str) -> Answer:
        sha256 = sha256_of(text)
        self._asked.add(sha256)
        known = self._cache.decisions.get(sha256) or self._late.get(sha256)
        if known is None:
            known, is_kept = self._target.decide(text)
            if is_kept:
                self._cache.put(sha256, known)
            else:
                self._late[sha256] = known
            self._observe()
        return known

    def is_stopped(self, text: str) -> bool:
        return self.decide(text).stopped

    def is_seed(self, text: str) -> bool:
        """Whether the plain form is stopped, and not as sexual content about minors."""
        found = self.decide(text)
        if found.minors:
            self.left_out.add(sha256_of(text))
        return found.stopped and not found.minors


def open_cache(folder: Path, target: Target) -> Cache[Answer]:
    return Cache(folder, *target.judge, kind=Answer)
