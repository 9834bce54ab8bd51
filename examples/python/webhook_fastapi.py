"""A webhook receiver with FastAPI: WEBHOOK_SECRET=whsec_... uvicorn webhook_fastapi:app

It needs `fastapi`, `uvicorn` and `safelight-client`.
"""

from __future__ import annotations

import os
from typing import Annotated

from fastapi import BackgroundTasks, FastAPI, Request, Response
from fastapi.params import Depends

from safelight_client import SignatureInvalid, verify_webhook

app = FastAPI()
#: Ids of events so far: a sender repeats a message if our answer was lost. Keep them in your database.
seen: set[str] = set()


async def body_of(request: Request) -> bytes:
    """The bytes as received: the signature covers them, so verify them before any parser."""
    return await request.body()


@app.post("/", status_code=204)
def receive(request: Request, body: Annotated[bytes, Depends(body_of)], after: BackgroundTasks) -> Response:
    try:
        event = verify_webhook(body, request.headers, os.environ["WEBHOOK_SECRET"].split())
    except SignatureInvalid as error:
        return Response(str(error), status_code=400)
    if event["id"] not in seen:
        seen.add(event["id"])
        # Answer first, and do the work afterwards.
        after.add_task(print, event["type"], event["data"].get("id", ""))
    return Response(status_code=204, background=after)
