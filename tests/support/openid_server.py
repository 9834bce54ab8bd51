"""npm's `oidc-provider` as a process on the loopback address, and a browser that walks through it."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from safelight.accounts.openid import CallbackAnswer, OpenIdClient, OpenIdProvider
from safelight.core.net.json_client import JsonClient

from .optional_tools import leave_out

FOLDER = Path(__file__).resolve().parents[1] / "openid" / "node"
CLIENT_ID, CLIENT_SECRET = "safelight", "a secret: with / special % characters"
#: The address under which the provider knows the installation. Tests send its requests to their server.
BASE_URL = "https://safelight.example"


@dataclass(frozen=True)
class OpenIdServer:
    issuer: str

    def next(self, account: dict[str, Any], **lies: Any) -> None:
        """Let this account sign in next. `lies`: claims of its tokens, the issuer, or a strange key."""
        sent = {"account": account, **lies}
        assert httpx.post(f"{self.issuer}/test", json=sent, trust_env=False).status_code == 200

    def provider(self) -> OpenIdProvider:
        """The provider as a gateway that has just started knows it."""
        client = OpenIdClient(
            issuer=self.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, base_url=BASE_URL
        )
        return OpenIdProvider(client, JsonClient(allow_hosts={urlsplit(self.issuer).netloc}))

    def sign_in(self, browser: httpx.Client, url: str) -> httpx.URL:
        """Follow the redirects of the provider. Returns the address to which it leads back."""
        for _ in range(6):
            if not url.startswith(self.issuer):
                return httpx.URL(url)
            answer = browser.get(url)
            assert answer.is_redirect, answer.text
            url = str(httpx.URL(url).join(answer.headers["location"]))
        raise AssertionError(f"the provider does not lead back from {url}")

    def sign_out(self, browser: httpx.Client, url: str) -> str:
        """Confirm the sign-out at the provider. Returns the address to which it leads back."""
        page = browser.get(url)
        assert page.status_code == 200, page.text
        action = re.search(r'action="([^"]+)"', page.text)
        xsrf = re.search(r'name="xsrf" value="([^"]+)"', page.text)
        assert action, page.text
        assert xsrf, page.text
        done = browser.post(action[1], data={"xsrf": xsrf[1], "logout": "yes"})
        return str(done.headers["location"])


def callback_answer(url: httpx.URL) -> CallbackAnswer:
    """What a gateway reads from the address to which the provider leads back."""
    query = {name: values[0] for name, values in parse_qs(url.query.decode()).items()}
    return CallbackAnswer(
        state=query["state"],
        code=query.get("code", ""),
        issuer=query.get("iss", ""),
        error=query.get("error", ""),
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def openid_server(port: int, *, logout_url: str) -> Iterator[OpenIdServer]:
    """The provider on this port. It reports sign-outs to `logout_url`."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "oidc-provider").is_dir():
        leave_out("npm's oidc-provider", "install Node.js, and run npm ci in tests/openid/node")
    arguments = [str(port), f"{BASE_URL}/login/openid/callback", f"{BASE_URL}/login", logout_url]
    with subprocess.Popen(
        [node, "provider.mjs", *arguments],
        cwd=FOLDER,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield OpenIdServer(f"http://127.0.0.1:{port}")
        finally:
            process.kill()
