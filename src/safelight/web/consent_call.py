"""What the API and the pages of consents read from a request."""

from __future__ import annotations

from starlette.requests import Request

from safelight.consents.requests import Device
from safelight.core.errors import Unauthenticated

from .auth import COOKIE, app_state, browser_of


async def device_of(request: Request) -> Device:
    """The network address and the browser of a request, and the person who is signed in there."""
    app, signed_in = app_state(request), None
    if cookie := request.cookies.get(COOKIE):
        try:
            signed_in = (await app.threads.run(app.services.accounts.sessions.authenticate, cookie)).id
        except Unauthenticated:
            signed_in = None
    address = request.client.host if request.client else ""
    return Device(address=address, browser=browser_of(request), signed_in=signed_in)


def base_url(request: Request) -> str:
    """The address of this server for links: the configured one, else that of the request.

    With a mail server the address is configured, so that no header can lead a recipient elsewhere.
    """
    public_url = app_state(request).services.public_url
    return (public_url or f"{request.url.scheme}://{request.url.netloc}").rstrip("/")
