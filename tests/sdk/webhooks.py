"""Run by the Python of a locked environment with the official SDK.

`webhooks.py manage BASE_URL KEY TARGET` manages an endpoint as its users do; `webhooks.py unwrap` verifies
the deliveries it reads from stdin. Each prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import openai


def manage(base_url: str, key: str, target: str) -> dict[str, Any]:
    client = openai.OpenAI(base_url=base_url, api_key=key)
    events = ["video.completed", "video.failed"]
    if not hasattr(client.webhooks, "create"):
        # 2.x verifies webhooks and does not manage them.
        made: Any = client.post(
            "/webhook_endpoints",
            cast_to=object,
            body={"name": "two", "url": target, "event_types": events},
        )
        return {"made": made}
    endpoint = client.webhooks.create(name="three", url=target, event_types=events)
    seen: dict[str, Any] = {"made": endpoint.to_dict()}
    seen["listed"] = [each.id for each in client.webhooks.list()]
    seen["got"] = client.webhooks.retrieve(endpoint.id).to_dict()
    seen["changed"] = client.webhooks.update(endpoint.id, name="renamed").to_dict()
    seen["tested"] = client.webhooks.test(endpoint.id, event_type="video.failed").to_dict()
    other = client.webhooks.create(name="other", url=target, event_types=["video.failed"])
    seen["deleted"] = client.webhooks.delete(other.id).to_dict()
    rotated = client.webhooks.rotate_secret(endpoint.id, keep_old_secret_active_for_24_hours=True)
    seen["rotated"] = rotated.to_dict()
    return seen


def unwrap(deliveries: list[dict[str, Any]]) -> dict[str, Any]:
    client = openai.OpenAI(api_key="sk-none", base_url="http://127.0.0.1:1/v1")
    told = []
    for delivery in deliveries:
        event: Any = client.webhooks.unwrap(delivery["body"], delivery["headers"], secret=delivery["secret"])
        told.append({"type": event.type, "id": event.id, "data": json.loads(delivery["body"])["data"]})
    first = deliveries[0]
    try:
        client.webhooks.unwrap(first["body"] + " ", first["headers"], secret=first["secret"])
        forged = "accepted"
    except openai.InvalidWebhookSignatureError:
        forged = "refused"
    return {"told": told, "forged": forged}


if __name__ == "__main__":
    answer = manage(*sys.argv[2:]) if sys.argv[1] == "manage" else unwrap(json.load(sys.stdin))
    print(json.dumps(answer))  # noqa: T201
