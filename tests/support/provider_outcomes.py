"""What becomes of a video with each adapter: the rows of a test and of a table in docs/generators.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safelight.providers import fal, runway, veo
from safelight.providers.protocol import RemoteGenerator
from safelight.providers.videos_api import create as videos_api
from safelight.testing.upstream import ScriptedUpstream
from safelight.testing.upstream.hosted_routes import Dialect

ROWS = Path(__file__).resolve().parents[1] / "data" / "provider-outcomes.jsonl"
#: The key that the scripted upstream expects.
API_KEY = "k-0123456789abcdef"
MODELS: dict[Dialect, str] = {
    "videos_api": "paid-1",
    "veo": "veo-3.1-generate-preview",
    "vertex": "veo-3.1-generate-001",
    "runway": "gen4.5",
    "fal": "fal-ai/veo3.1/fast",
}
KINDS: dict[str, Callable[[dict[str, Any]], RemoteGenerator]] = {
    "videos_api": videos_api,
    "veo": veo.create,
    "runway": runway.create,
    "fal": fal.create,
}
TITLES: dict[str, str] = {
    "videos_api": "`videos_api`",
    "veo": "`veo`, Gemini API",
    "vertex": "`veo`, Vertex AI",
    "runway": "`runway`",
    "fal": "`fal`",
}
_RUNWAY_INPUT = {"failure": "The prompt was moderated.", "failureCode": "SAFETY.INPUT.TEXT"}
_FAL_INPUT = {"loc": ["body", "prompt"], "msg": "The prompt was flagged for sexual content."}
_VEO_INPUT = {
    "status": 400,
    "message": "The prompt violates Google's Responsible AI practices. Support codes: 90789179",
}
_OPENAI_INPUT = {"status": 400, "code": "moderation_blocked", "message": "Sexual content is not allowed."}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How the scripted upstream behaves. `rules`: other rules for some dialects; None: it cannot happen."""

    name: str
    rule: dict[str, Any]
    rules: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    #: Whether the time passes in which the upstream may finish, or its clip appear.
    late: bool = False

    def rule_for(self, dialect: str) -> dict[str, Any] | None:
        return self.rules.get(dialect, self.rule)


def _content(do: str, times: int | None = 1) -> dict[str, Any]:
    return {"content": {"do": do, "times": times}}


#: Vertex sends the clip inside the answer, so that there is neither a link nor a download.
_INLINE: dict[str, dict[str, Any] | None] = {"vertex": None}
OUTCOMES = (
    Outcome(name="success", rule={}),
    Outcome(
        name="input refused",
        rule={"submit": _VEO_INPUT},
        rules={
            "videos_api": {"submit": _OPENAI_INPUT},
            "runway": {"ends": "refused", "error": _RUNWAY_INPUT},
            "fal": {"ends": "refused", "error": _FAL_INPUT},
        },
    ),
    Outcome(name="model unknown", rule={"submit": {"status": 404}}),
    Outcome(name="key rejected", rule={"submit": {"status": 401}}),
    Outcome(name="output filtered", rule={"ends": "refused"}),
    Outcome(
        name="partly filtered",
        rule={"ends": "partly"},
        rules={"videos_api": None, "runway": None, "fal": None},
    ),
    Outcome(name="failed", rule={"ends": "failed"}),
    Outcome(name="request unknown", rule={"ends": "vanishes"}),
    Outcome(name="hang, then cancelled", rule={"ends": "never"}, late=True),
    Outcome(name="rate limit", rule={"submit": {"status": 429, "retry_after": 0.01, "times": 1}}),
    Outcome(name="rate limit of a status", rule={"poll": {"status": 429, "retry_after": 0.01, "times": 1}}),
    Outcome(name="answer of the submission lost", rule={"submit": "lose_answer"}),
    Outcome(name="submission answered with 500", rule={"submit": {"status": 500}}),
    Outcome(name="link ended once", rule=_content("missing"), rules=_INLINE),
    Outcome(name="link dead", rule=_content("missing", None), rules=_INLINE, late=True),
    Outcome(name="announced length too short", rule=_content("short"), rules=_INLINE),
    Outcome(name="download cut off", rule=_content("truncated"), rules=_INLINE),
    Outcome(name="download always cut off", rule=_content("truncated", None), rules=_INLINE, late=True),
    Outcome(
        name="clip redirected into a private network",
        rule={"content": {"do": "redirect", "location": "http://169.254.169.254/latest"}},
        rules=_INLINE,
        late=True,
    ),
    Outcome(name="HTML instead of a clip", rule=_content("html", None), rules=_INLINE),
    Outcome(name="text that is declared as a clip", rule=_content("text", None)),
    Outcome(name="gzip bomb as clip", rule=_content("gzip_bomb", None), rules=_INLINE),
    Outcome(name="gzip bomb as status, once", rule={"poll": {"do": "gzip_bomb", "times": 1}}),
    Outcome(name="HTML as status, once", rule={"poll": {"do": "html", "times": 1}}),
    Outcome(
        name="status redirected, once",
        rule={"poll": {"do": "redirect", "location": "http://169.254.169.254/", "times": 1}},
    ),
    *(
        Outcome(name=name, rule=rule, rules=dict.fromkeys(set(MODELS) - {"videos_api"}))
        for name, rule in {
            "`succeed`, inside `data`": {"shape": "data", "status_words": {"completed": "succeed"}},
            "id as `task_id`": {"shape": "task_id"},
            "id is a number": {"shape": "number"},
            "answer without an id": {"shape": "without_id"},
            "unknown word and an end, clip there": {"status_words": {"completed": "polished"}},
            "unknown word and an end, no clip": {
                "status_words": {"completed": "polished"},
                **_content("missing", None),
            },
            "`completed`, error without content": {"fields": {"error": {"code": "", "message": None}}},
            "`Fail`, reason in `fail_reason`": {
                "ends": "failed",
                "error": {},
                "status_words": {"failed": "Fail"},
                "fields": {"fail_reason": "The generated video contains sensitive content."},
            },
            "`failed`, reason in `task_status_msg`": {
                "ends": "failed",
                "error": {"code": "0", "message": "SUCCEED"},
                "fields": {"task_status_msg": "Failure to pass the risk control system"},
            },
            "reference image refused": {
                "submit": {
                    "status": 400,
                    "code": "InputImageSensitiveContentDetected.PrivacyInformation",
                    "message": "The request failed because the input image may contain real person.",
                }
            },
        }.items()
    ),
)


@dataclass(frozen=True, kw_only=True)
class Expected:
    """One row: the end of the video and what the record says."""

    adapter: str
    outcome: str
    state: str
    #: Error code; empty for a delivered video.
    code: str
    charged: str
    retry: str
    category: str
    #: What became of the copy at the provider: `deleted`, `kept`, or empty.
    copy: str
    #: Submissions that the provider received.
    submitted: int


def read_expected() -> list[Expected]:
    return [Expected(**json.loads(line)) for line in ROWS.read_text(encoding="utf-8").splitlines()]


def settings_table(dialect: Dialect, url: str, folder: Path) -> dict[str, Any]:
    """The settings of an adapter for a scripted upstream of its dialect, with its `kind`."""
    table: dict[str, Any] = {"url": url, "api_key": API_KEY, "name": "paid", "models": [MODELS[dialect]]}
    if dialect == "videos_api":
        return {"kind": "videos_api", **table, "list_lag_s": 0.01, "usd_per_second": 0.1}
    if dialect == "runway":
        return {"kind": "runway", **table, "usd_per_credit": 0.01, "seconds": [4, 8]}
    if dialect != "vertex":
        return {"kind": dialect, **table, "usd_per_second": 0.1}
    file = write_service_account(folder, f"{url.partition('/v1')[0]}/token")
    table.pop("api_key")
    return {"kind": "veo", **table, "form": "vertex", "credentials_file": str(file), "usd_per_second": 0.1}


@contextmanager
def adapter(dialect: Dialect, upstream: ScriptedUpstream, folder: Path) -> Iterator[RemoteGenerator]:
    """The adapter with settings for this upstream."""
    table = settings_table(dialect, upstream.url, folder)
    made: Any = KINDS[table.pop("kind")](table)
    try:
        yield made
    finally:
        made.close()


def write_service_account(folder: Path, token_uri: str) -> Path:
    """A key file of a service account with a new key."""
    from joserfc.jwk import RSAKey

    file = folder / "account.json"
    key = RSAKey.generate_key(2048).as_pem(private=True).decode()
    account = {
        "client_email": "test@example.iam.gserviceaccount.com",
        "private_key": key,
        "token_uri": token_uri,
    }
    file.write_text(json.dumps(account))
    return file
