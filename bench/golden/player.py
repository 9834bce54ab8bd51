"""Plays requests in order against a served gateway, and writes each answer as a masked block of text."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import yaml

from .dom_text import dom_text, hidden_value
from .installation import Installation
from .masks import mask_text, masked_json

SCOPES = (
    "videos:read",
    "videos:write",
    "checks",
    "review",
    "policy",
    "admin",
    "people",
    "vault",
    "test",
    "metrics",
    "audit",
)
PASSWORD = "correct horse battery staple"
#: Headers that clients depend on.
HEADERS = (
    "allow", "cache-control", "content-disposition", "content-language", "content-security-policy",
    "content-type", "deprecation", "link", "location", "retry-after", "vary", "www-authenticate",
    "x-content-type-options",
)  # fmt: skip
#: The longest that a video of the embedded generator takes on a busy machine, with its scan.
WAIT_S = 600.0
MAIL_WAIT_S = 20.0
UNKNOWN = "0" * 32

Blocks = dict[str, str]


@dataclass
class Step:
    """One request of the play."""

    name: str
    method: str
    path: str
    actor: str = "key"
    json: Any = None
    form: dict[str, str] | None = None
    files: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    save: dict[str, str] = field(default_factory=dict)
    #: Values of the next mail, by a regular expression.
    mailed: dict[str, str] = field(default_factory=dict)
    #: Sent again until this field of the answer has one of these values.
    until: dict[str, list[Any]] = field(default_factory=dict)
    #: Ends what others need: sent after the wrong requests.
    closing: bool = False
    #: Whether a clip is rendered, or something is waited for that needs one.
    renders: bool = False
    #: Whether wrong forms of the request are sent as well.
    variants: bool = True
    #: Whether the answer is recorded; a request that only prepares is not.
    record: bool = True


def read_play(path: Path) -> list[Step]:
    """The steps of a play file, in order. Raises `ValueError` for two of one name."""
    steps = []
    for row in yaml.safe_load(path.read_text(encoding="utf-8")):
        method, _, address = row.pop("send").partition(" ")
        name = row.pop("name", None) or f"{method} {address}"
        steps.append(Step(name=name, method=method, path=address, actor=row.pop("as", "key"), **row))
    names = [step.name for step in steps]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{path.name}: steps of one name: {sorted(doubled)}")
    return steps


def without_clips(steps: list[Step]) -> list[Step]:
    """The steps that need no rendered clip, directly or by what an earlier step saves."""
    left_out: set[str] = set()
    kept = []
    for step in steps:
        needed = set(
            re.findall(r"\$\{(\w+)\}|@(\w+)", json.dumps([step.path, step.json, step.form, step.files]))
        )
        if step.renders or {name for pair in needed for name in pair} & left_out:
            left_out |= step.save.keys()
        else:
            kept.append(step)
    return kept


class Player:
    """Sends steps and keeps what later steps need."""

    def __init__(self, here: Installation) -> None:
        self.here = here
        self.saved: dict[str, Any] = {
            "webhook_port": here.webhooks.port,
            "now": int(time.time()),
            # Drift is looked for in the attempts of the last days.
            "days_ago": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 259_200)),
            "just_now": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60)),
            "next_year": int(time.time()) + 365 * 86_400,
            "unknown": UNKNOWN,
            "missing_video": f"video_{UNKNOWN}",
            "operator_login": here.login.rpartition("token=")[2],
        }
        self._usual: dict[str, str] = {}
        self._mails = 0
        self._clients: dict[str, httpx.Client] = {}

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def prepare(self, *, scopes: bool) -> None:
        """Make the keys: of the own tenant, of another tenant, and of a colleague; one of each scope."""
        here = self.here
        tenant = json.loads(here.run("tenants", "list", "--json").out)
        self.saved["tenant"] = _first_id(tenant, "tenant")
        here.keys["key"] = here.create_key("golden", SCOPES)
        here.keys["colleague"] = here.create_key("colleague", SCOPES)
        here.keys["other"] = here.create_key("other", SCOPES, "--new-tenant", "other")
        here.keys["stranger"] = "sk-safelight-golden"
        if scopes:
            for scope in SCOPES:
                here.keys[scope] = here.create_key(f"only {scope}", (scope,), "--tenant", "other")

    def client(self, actor: str) -> httpx.Client:
        """The HTTP client of a key, of nobody, or of a signed-in person."""
        if actor not in self._clients:
            client = httpx.Client(base_url=self.here.address, timeout=120, trust_env=False)
            self._clients[actor] = client
            if actor in self.here.keys:
                client.headers["authorization"] = f"Bearer {self.here.keys[actor]}"
            elif actor == "operator":
                client.headers["origin"] = self.here.address
                client.post("/login", data={"token": self.saved["operator_login"]})
            elif actor != "none":
                client.headers["origin"] = self.here.address
                self._accept_invitation(client, actor)
        return self._clients[actor]

    def _accept_invitation(self, client: httpx.Client, role: str) -> None:
        """Invite a person with this role, and sign in as that person."""
        made = self.here.run(
            "people", "add", f"Person {role}", f"{role}@example.com", "--role", role, "--json"
        )
        token = _find_token(made.out + made.err)
        page = client.get("/invitation", params={"token": token}).text
        sealed = hidden_value(page, "secret")
        shown = re.search(r"secret=([A-Z2-7]+)", page)
        secret = shown[1] if shown else "".join(re.findall(r"\b[A-Z2-7]{4}\b", dom_text(page)))
        done = client.post(
            "/invitation",
            data={"token": token, "secret": sealed, "password": PASSWORD, "code": one_time_code(secret)},
        )
        if done.status_code != 200:
            raise RuntimeError(f"{role} could not sign in: {done.status_code} {dom_text(done.text)}")

    def fill(self, value: Any) -> Any:
        """The value with `${name}` replaced. A value that is only a name keeps its type."""
        if isinstance(value, dict):
            return {key: self.fill(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        if not isinstance(value, str):
            return value
        if whole := re.fullmatch(r"\$\{(\w+)\}", value):
            return self._known(whole[1])
        return re.sub(r"\$\{(\w+)\}", lambda found: str(self._known(found[1])), value)

    def _known(self, name: str) -> Any:
        # A request whose predecessor was refused is still sent: the refusal is what is recorded.
        return self.saved.get(name, f"{name}_{UNKNOWN}")

    def send(self, step: Step, **changed: Any) -> httpx.Response:
        """Send the step, with changes of a wrong form of it."""
        client = self.client(changed.get("actor", step.actor))
        body = changed["json"] if "json" in changed else self.fill(step.json)
        files = None
        if step.files is not None and "json" not in changed:
            files = {name: self._file(each) for name, each in step.files.items()}
        return client.request(
            step.method,
            changed.get("path") or self.fill(step.path),
            json=body if body is not None and files is None and step.form is None else None,
            data=self.fill(step.form) if step.form is not None and "json" not in changed else None,
            files=files,
            headers=self.fill(step.headers),
        )

    def _file(self, value: str) -> tuple[str, bytes, str]:
        kind = {"mp4": "video/mp4", "png": "image/png", "txt": "text/plain"}
        name = value.removeprefix("@")
        content = self.saved[name]
        assert isinstance(content, bytes)
        ending = name.rpartition("_")[2]
        return (f"golden.{ending}", content, kind.get(ending, "application/octet-stream"))

    def play(self, step: Step) -> str:
        """Send the step, wait for its condition, and keep what it saves. The answer as text."""
        ends = time.monotonic() + WAIT_S
        self._mails = len(self.here.mails.mails)
        answer = self.send(step)
        while step.until and answer.status_code < 400 and not self._reached(answer, step.until):
            if time.monotonic() > ends:
                raise TimeoutError(f"{step.name}: {answer.status_code} {answer.text[:500]}")
            time.sleep(0.3)
            answer = self.send(step)
        self._save(step, answer)
        self._save_mailed(step)
        return self.describe(answer)

    @staticmethod
    def _reached(answer: httpx.Response, until: dict[str, list[Any]]) -> bool:
        found = dict(_leaves(answer.json())) if "json" in answer.headers.get("content-type", "") else {}
        return all(found.get(path) in values for path, values in until.items())

    def _save(self, step: Step, answer: httpx.Response) -> None:
        for name, place in step.save.items():
            if place == "<body>":
                self.saved[name] = answer.content
            elif place.startswith("/"):
                if found := re.search(place.strip("/"), answer.text):
                    self.saved[name] = found[1]
            else:
                value = dict(_leaves(answer.json())).get(place) if answer.content else None
                if value is not None:
                    self.saved[name] = value

    def _save_mailed(self, step: Step) -> None:
        ends = time.monotonic() + MAIL_WAIT_S
        for name, pattern in step.mailed.items():
            found = None
            while found is None and time.monotonic() < ends:
                time.sleep(0.1)
                new = "\n".join(text for _, _, text in self.here.mails.mails[self._mails :])
                found = re.search(pattern, new)
            if found:
                self.saved[name] = found[1]

    def describe(self, answer: httpx.Response) -> str:
        """Status, headers and body of an answer, masked."""
        places = self.here.places
        lines = [f"-> {answer.status_code}"]
        headers = {
            name: mask_text(answer.headers[name], places) for name in HEADERS if name in answer.headers
        }
        if "retry-after" in headers:
            headers["retry-after"] = "<n>"
        # The headers of most answers are written once, with the first answer.
        usual, self._usual = self._usual, self._usual or headers
        lines += [f"{name}: {value}" for name, value in headers.items() if usual.get(name) != value]
        lines += [f"without {name}" for name in usual if name not in headers]
        lines += sorted(
            f"sets cookie {name.partition('=')[0]}" for name in answer.headers.get_list("set-cookie")
        )
        return "\n".join([*lines, *self._body(answer)])

    def _body(self, answer: httpx.Response) -> Iterator[str]:
        places = self.here.places
        kind = answer.headers.get("content-type", "").partition(";")[0]
        if not answer.content:
            return
        if kind in ("application/json", "application/problem+json", "application/sarif+json"):
            yield masked_json(answer.json(), places)
        elif kind == "text/html":
            yield mask_text(dom_text(answer.text), places)
        elif kind == "text/event-stream":
            yield from _events(answer.text, places)
        elif kind.startswith("text/") or kind in ("application/jsonl", "application/x-ndjson"):
            yield from (_masked_line(line, places) for line in answer.text.splitlines())
        else:
            yield f"<bytes {kind}>"


def variants(step: Step, player: Player) -> Iterator[tuple[str, Callable[[], httpx.Response]]]:
    """The wrong forms of a request, each with its name."""
    yield "without a key", lambda: player.send(step, actor="none")
    yield "with a key that is not known", lambda: player.send(step, actor="stranger")
    if "${" in json.dumps([step.path, step.json, step.form]):
        yield "with the key of another tenant", lambda: player.send(step, actor="other")
    if step.json is not None and isinstance(step.json, dict):
        yield "with an empty body", lambda: player.send(step, json={})
        yield "with a list as the body", lambda: player.send(step, json=[1])
        yield (
            "with an unknown field",
            lambda: player.send(step, json={**player.fill(step.json), "golden_unknown": 1}),
        )
        for name, value in step.json.items():
            wrong = {**player.fill(step.json), name: [1] if isinstance(value, str) else "golden"}
            yield f"with a wrong type of {name}", partial(player.send, step, json=wrong)


def scope_row(step: Step, player: Player) -> str:
    """The status for each scope alone, of a request about objects that do not exist."""
    path = re.sub(r"\$\{(\w+)\}", lambda found: f"{_kind(found[1])}_{UNKNOWN}", step.path)
    found = []
    for scope in SCOPES:
        body: Any = {} if step.json is not None else None
        found.append(f"{scope}={player.send(step, actor=scope, path=path, json=body).status_code}")
    return " ".join(found)


def _kind(name: str) -> str:
    return re.sub(r"_?\d+$", "", name).rpartition("_")[2] or "video"


def one_time_code(secret: str) -> str:
    """The code of six digits that an authenticator shows now (RFC 6238)."""
    padded = secret + "=" * (-len(secret) % 8)
    digest = hmac.new(
        base64.b32decode(padded), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1
    ).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def _find_token(text: str) -> str:
    if found := re.search(r"token=([A-Za-z0-9_-]+)", text):
        return found[1]
    raise LookupError(text)


def _first_id(value: Any, kind: str) -> str:
    if found := re.search(rf"{kind}_[0-9a-f]{{32}}", json.dumps(value)):
        return found[0]
    raise LookupError(kind)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value inside with its dotted path."""
    if path:
        yield path, value
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in pairs:
        yield from _leaves(each, f"{path}.{key}" if path else str(key))


def _masked_line(line: str, places: tuple[tuple[str, str], ...]) -> str:
    try:
        value = json.loads(line)
    except ValueError:
        return mask_text(line, places)
    return masked_json(value, places) if isinstance(value, dict) else mask_text(line, places)


def _events(text: str, places: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for line in text.splitlines():
        name, _, value = line.partition(": ")
        if name == "data":
            yield "data:"
            yield _masked_line(value, places)
        elif name == "id":
            yield "id: <id>"
        else:
            yield mask_text(line, places)
