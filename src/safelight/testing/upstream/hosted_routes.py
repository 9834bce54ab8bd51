"""The APIs of Veo, Runway and fal for the scripted upstream, in the formats that their makers document.

Written from `google-genai` 3.3.0, `runwayml` 5.24.0 and `fal-client` 1.0.3, and from the providers' pages.
They were never compared with the real services.
"""

from __future__ import annotations

import base64
from typing import Any, Literal, TypeAlias

import msgspec

from .http_server import Reply, Request
from .routes import ACCEPTED, Routes, _json, _missing, _part, _trouble
from .scenario import ScriptedAction
from .state import AcceptedRequest

Dialect: TypeAlias = Literal["videos_api", "veo", "vertex", "runway", "fal"]
BASE_PATHS: dict[Dialect, str] = {
    "videos_api": "/v1",
    "veo": "/v1beta",
    "vertex": "/v1/projects/p/locations/r",
    "runway": "/v1",
    "fal": "",
}
_FILTERED = {
    "raiMediaFilteredCount": 1,
    "raiMediaFilteredReasons": [
        "Veo could not generate 1 videos based on the prompt provided. You will not be charged for this "
        "attempt. Try rephrasing the prompt. Support codes: 61493863"
    ],
}
_RPC = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED"}
_POLICY = "content_policy_violation"
_JSON = {"content-type": "application/json"}


class HostedRoutes(Routes):
    """The parts that the three APIs have in common."""

    def handle(self, request: Request) -> Reply:
        parts = request.path.strip("/").split("/")
        if parts == ["_safelight", "counts"]:
            return _json(self._book.counts())
        if parts[0] == "clips":
            return self._file(parts[-1], request)
        if not self._admitted(request):
            return self.refuse(ScriptedAction(do="status", status=401, message="The key is wrong."))
        return self.answer(request, request.path.removeprefix("/"))

    def answer(self, request: Request, path: str) -> Reply:
        raise NotImplementedError

    def refuse(self, act: ScriptedAction) -> Reply:
        """An error in the provider's format."""
        raise NotImplementedError

    def submit(self, request: Request, fields: dict[str, Any], body: dict[str, Any]) -> Reply:
        """Count a submission and answer it. `body` has the id as `{id}`."""
        fields = {**fields, "route": request.path}
        rule = self._book.receive("", fields)
        act = self._book.act(rule, "submit")
        entry = self._book.accept("", fields, [], rule) if act.do in ACCEPTED else None
        self._recorded()
        if act.do == "ok" and entry is not None:
            text = msgspec.json.encode(body).replace(b"{id}", entry.id.encode())
            return Reply(headers=_JSON, body=text, delay_s=act.delay_s)
        return self._problem(act)

    def not_found(self) -> Reply:
        return self.refuse(ScriptedAction(do="status", status=404, message="Not found."))

    def poll(self, entry_id: str) -> tuple[AcceptedRequest, str] | Reply:
        """The request and its status, or the answer that the scenario has instead."""
        entry = self._book.orders.get(entry_id)
        if entry is None or entry.deleted:
            return self.not_found()
        self._book.asked["polls"] += 1
        entry.polls += 1
        act = self._book.act(entry.rule, "poll")
        if act.do != "ok":
            return self._problem(act)
        status = self._book.status(entry)
        if status == "gone":
            return self.not_found()
        return entry, status

    def cancel(self, entry_id: str, answer: Reply) -> Reply:
        entry = self._book.orders.get(entry_id)
        self._book.asked["deletes"] += 1
        if entry is None:
            return self.not_found()
        act = self._book.act(entry.rule, "delete")
        if act.do in {"ok", "lose_answer"}:
            entry.deleted = True
        return answer if act.do == "ok" else self._problem(act)

    def link(self, request: Request, entry: AcceptedRequest) -> str:
        """The address of a finished clip, which needs no key."""
        return f"http://{request.headers['host']}/clips/{entry.id}"

    def _file(self, entry_id: str, request: Request) -> Reply:
        entry = self._book.orders.get(entry_id)
        if entry is None or entry.deleted:
            return _missing()
        self._book.asked["fetches"] += 1
        entry.fetches += 1
        reply = self._clip(entry, self._book.act(entry.rule, "content"))
        return _part(reply, request) if self._book.scenario.ranges else reply

    def _problem(self, act: ScriptedAction) -> Reply:
        return self.refuse(act) if act.do == "status" else _trouble(act)


class VeoRoutes(HostedRoutes):
    """The Gemini API's `predictLongRunning` and its Files API."""

    keys = (("x-goog-api-key", ""),)

    def answer(self, request: Request, path: str) -> Reply:
        if request.method == "POST" and path.endswith(":predictLongRunning"):
            model = path.removesuffix(":predictLongRunning").partition("/models/")[2]
            return self.submit(request, _veo_fields(request, model), {"name": self._name(request, model)})
        if request.method == "GET" and path.endswith("/models"):
            return _json({"models": [{"name": f"models/{name}"} for name in self._book.scenario.models]})
        if "/files/" in path:
            name = path.rpartition("/files/")[2]
            if request.method == "DELETE":
                return self.cancel(name, _json({}))
            return self._file(name.removesuffix(":download"), request)
        return self._operation(request, path.rpartition("/operations/")[2])

    def _name(self, request: Request, model: str) -> str:
        return f"models/{model}/operations/{{id}}"

    def _operation(self, request: Request, entry_id: str) -> Reply:
        found = self.poll(entry_id)
        if isinstance(found, Reply):
            return found
        entry, status = found
        name = self._name(request, str(entry.fields["model"])).replace("{id}", entry.id)
        if status not in {"completed", "failed"}:
            return _json({"name": name})
        ended: dict[str, Any] = {"name": name, "done": True}
        if status == "failed" and (entry.rule.ends == "failed" or entry.rule.error is not None):
            return _json({**ended, "error": entry.rule.error or {"code": 13, "message": "Internal error."}})
        return _json({**ended, "response": self._response(request, entry, status)})

    def _response(self, request: Request, entry: AcceptedRequest, status: str) -> dict[str, Any]:
        uri = f"http://{request.headers['host']}/v1beta/files/{entry.id}:download?alt=media"
        samples = {"generatedSamples": [{"video": {"uri": uri}}]} if status == "completed" else {}
        filtered = _FILTERED if entry.rule.ends in ("refused", "partly") else {}
        return {"generateVideoResponse": {**samples, **filtered}}

    def refuse(self, act: ScriptedAction) -> Reply:
        status = act.status or 500
        error = {
            "code": status,
            "message": act.message or "Scripted.",
            "status": _RPC.get(status, "INTERNAL"),
        }
        return _status(status, {"error": error}, act)


class VertexRoutes(VeoRoutes):
    """Vertex AI: another name of the operation, and the clip inside the answer."""

    keys = (("authorization", "Bearer "),)

    def answer(self, request: Request, path: str) -> Reply:
        if path == "token":
            return _json({"access_token": self._book.scenario.api_key, "expires_in": 3600})
        if path.endswith(":fetchPredictOperation"):
            operation = str(msgspec.json.decode(request.body)["operationName"])
            return self._operation(request, operation.rpartition("/operations/")[2])
        return super().answer(request, path)

    def handle(self, request: Request) -> Reply:
        return self.answer(request, "token") if request.path == "/token" else super().handle(request)

    def _name(self, request: Request, model: str) -> str:
        return f"projects/p/locations/r/publishers/google/models/{model}/operations/{{id}}"

    def _response(self, request: Request, entry: AcceptedRequest, status: str) -> dict[str, Any]:
        filtered = _FILTERED if entry.rule.ends in ("refused", "partly") else {}
        if status != "completed":
            return filtered
        self._book.asked["fetches"] += 1
        clip = self._clip(entry, self._book.act(entry.rule, "content")).body
        encoded = base64.b64encode(clip).decode()
        return {"videos": [{"bytesBase64Encoded": encoded, "mimeType": "video/mp4"}], **filtered}


class RunwayRoutes(HostedRoutes):
    """Runway's tasks."""

    def answer(self, request: Request, path: str) -> Reply:
        match request.method, path.split("/"):
            case "POST", ["v1", ("text_to_video" | "image_to_video")]:
                sent = msgspec.json.decode(request.body)
                width, _, height = str(sent["ratio"]).partition(":")
                fields = {
                    "prompt": sent["promptText"],
                    "model": sent["model"],
                    "seconds": str(sent["duration"]),
                    "size": f"{width}x{height}",
                    "document": sent,
                }
                return self.submit(request, fields, {"id": "{id}"})
            case "GET", ["v1", "organization"]:
                return _json({"creditBalance": 1200, "tier": {}, "usage": {"models": {}}})
            case "GET", ["v1", "tasks", name]:
                return self._task(request, name)
            case "DELETE", ["v1", "tasks", name]:
                return self.cancel(name, Reply(status=204))
        return self.not_found()

    def _task(self, request: Request, name: str) -> Reply:
        found = self.poll(name)
        if isinstance(found, Reply):
            return found
        entry, status = found
        task: dict[str, Any] = {"id": entry.id, "createdAt": "2026-11-24T10:00:00Z"}
        if status in {"queued", "in_progress"}:
            word = "PENDING" if status == "queued" else "RUNNING"
            running = {"progress": self._book.video(entry)["progress"] / 100} if word == "RUNNING" else {}
            return _json({**task, "status": word, **running, "estimatedCost": {"credits": 50}})
        rule = entry.rule
        cost = 0 if rule.refund and status == "failed" else int(rule.charge or 0)
        task["cost"] = {"credits": cost}
        if status == "completed":
            return _json({**task, "status": "SUCCEEDED", "output": [self.link(request, entry)]})
        refused = {"failure": "The content was moderated.", "failureCode": "SAFETY.OUTPUT.VIDEO"}
        broken = {"failure": "An unexpected error occurred.", "failureCode": "INTERNAL.BAD_OUTPUT.CODE01"}
        error = rule.error or (refused if rule.ends == "refused" else broken)
        return _json({**task, "status": "FAILED", **error})

    def refuse(self, act: ScriptedAction) -> Reply:
        return _status(act.status or 500, {"error": act.message or "Scripted."}, act)


class FalRoutes(HostedRoutes):
    """fal's queue and its result, which is an error if the model failed."""

    keys = (("authorization", "Key "),)

    def answer(self, request: Request, path: str) -> Reply:
        endpoint, _, rest = path.partition("/requests/")
        if request.method == "POST" and not rest:
            sent = msgspec.json.decode(request.body)
            seconds = "".join(filter(str.isdigit, str(sent.get("duration", "4"))))
            fields = {"prompt": sent["prompt"], "model": endpoint, "seconds": seconds, "document": sent}
            base = f"http://{request.headers['host']}/{'/'.join(endpoint.split('/')[:2])}/requests/{{id}}"
            return self.submit(
                request,
                fields,
                {
                    "request_id": "{id}",
                    "response_url": base,
                    "status_url": f"{base}/status",
                    "cancel_url": f"{base}/cancel",
                    "queue_position": 0,
                },
            )
        name, _, verb = rest.partition("/")
        if path.startswith("v1/models/requests/"):
            return self.cancel(path.split("/")[3], _json({"cdn_delete_results": []}))
        if verb == "cancel":
            return self._cancel(name)
        if verb == "status":
            return self._status(name)
        return self._result(request, name)

    def _status(self, name: str) -> Reply:
        found = self.poll(name)
        if isinstance(found, Reply):
            return found
        entry, status = found
        stated: dict[str, Any] = {"request_id": entry.id, "status": "COMPLETED", "logs": None, "metrics": {}}
        if status == "queued":
            stated = {"request_id": entry.id, "status": "IN_QUEUE", "queue_position": 0}
        elif status == "in_progress":
            stated = {"request_id": entry.id, "status": "IN_PROGRESS", "logs": None}
        return _json(stated)

    def _result(self, request: Request, name: str) -> Reply:
        entry = self._book.orders.get(name)
        if entry is None or entry.deleted or self._book.status(entry) not in {"completed", "failed"}:
            return self.not_found()
        if self._book.status(entry) == "completed":
            video = {"url": self.link(request, entry), "content_type": "video/mp4"}
            return _json({"video": video, "seed": 7})
        if entry.rule.ends == "refused" or entry.rule.error is not None:
            flagged = {"loc": ["body"], "msg": "The generated video was flagged.", "type": _POLICY}
            return _status(422, {"detail": [{**flagged, **(entry.rule.error or {})}]}, ScriptedAction())
        broken = {"detail": "The runner stopped.", "error_type": "runner_server_error"}
        return _status(500, broken, ScriptedAction(), {"x-fal-error-type": "runner_server_error"})

    def _cancel(self, name: str) -> Reply:
        entry = self._book.orders.get(name)
        if entry is not None and self._book.status(entry) in {"completed", "failed"}:
            return _status(400, {"status": "ALREADY_COMPLETED"}, ScriptedAction())
        return self.cancel(name, _status(202, {"status": "CANCELLATION_REQUESTED"}, ScriptedAction()))

    def refuse(self, act: ScriptedAction) -> Reply:
        return _status(act.status or 500, {"detail": act.message or "Scripted."}, act)


ROUTES: dict[Dialect, type[Routes]] = {
    "videos_api": Routes,
    "veo": VeoRoutes,
    "vertex": VertexRoutes,
    "runway": RunwayRoutes,
    "fal": FalRoutes,
}


def _status(
    status: int, body: dict[str, Any], act: ScriptedAction, headers: dict[str, str] | None = None
) -> Reply:
    wait = {"retry-after": f"{act.retry_after:g}"} if act.retry_after is not None else {}
    return Reply(
        status=status,
        headers={**_JSON, **wait, **(headers or {})},
        body=msgspec.json.encode(body),
        delay_s=act.delay_s,
    )


def _veo_fields(request: Request, model: str) -> dict[str, Any]:
    sent = msgspec.json.decode(request.body)
    parameters = sent["parameters"]
    short = {"720p": 720, "1080p": 1080, "4k": 2160}[parameters.get("resolution", "720p")]
    wide = parameters.get("aspectRatio", "16:9") == "16:9"
    size = (short * 16 // 9, short) if wide else (short, short * 16 // 9)
    return {
        "prompt": sent["instances"][0]["prompt"],
        "model": model,
        "seconds": str(parameters["durationSeconds"]),
        "size": f"{size[0]}x{size[1]}",
        "document": sent,
    }
