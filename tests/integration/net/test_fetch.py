from __future__ import annotations

import base64
import datetime
import gzip
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from safelight.errors import ForbiddenUrl, InvalidMedia, SafelightError, TooLarge
from safelight.net.fetch import Fetcher, FetchLimits

PUBLIC = "93.184.216.34"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(2000)


class Files(BaseHTTPRequestHandler):
    """A file server that can also redirect, drip, compress and break off."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str]]

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers.get("host", "")))
        path, _, argument = self.path.partition("?")
        if path == "/to":
            self.give(b"", status=302, location=argument)
        elif path == "/gzip":
            self.give(gzip.compress(bytes(50_000_000)), **{"content-encoding": "gzip"})
        elif path == "/html":
            self.give(b"<html>", **{"content-type": "text/html"})
        elif path == "/empty":
            self.give(b"")
        elif path == "/gone":
            self.give(b"no", status=404)
        elif path == "/short":
            self.give(PICTURE, **{"content-length": str(len(PICTURE) + 5)})
            self.close_connection = True
        elif path == "/endless":
            self.send_response(200)
            self.send_header("content-type", "image/png")
            self.end_headers()
            self.pour(lambda: self.wfile.write(bytes(65536)))
        elif path == "/drip":
            self.send_response(200)
            self.send_header("content-type", "image/png")
            self.end_headers()
            self.pour(lambda: (self.wfile.write(b"x"), time.sleep(0.05)))
        elif path == "/drip-headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            self.pour(lambda: (self.wfile.write(b"a: b\r\n"), time.sleep(0.05)))
        else:
            self.give(PICTURE)

    def pour(self, more: Callable[[], Any]) -> None:
        self.close_connection = True
        try:
            for _ in range(2000):
                more()
        except OSError:
            pass

    def give(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in (
            {"content-type": "image/png", "content-length": str(len(body))} | headers
        ).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Served:
    def __init__(self, server: ThreadingHTTPServer, seen: list[tuple[str, str]]) -> None:
        self.port = server.server_address[1]
        self.host = f"127.0.0.1:{self.port}"
        self.seen = seen


def serve(tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    seen: list[tuple[str, str]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("TheseFiles", (Files,), {"seen": seen}))
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield Served(server, seen)
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def files() -> Iterator[Served]:
    yield from serve()


class Internet(httpcore.NetworkBackend):
    """An internet in which every address leads to one local server."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._real = httpcore.SyncBackend()
        self.called: list[str] = []

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        self.called.append(host)
        return self._real.connect_tcp("127.0.0.1", self._port, timeout, local_address, socket_options)


class Names:
    """A resolver whose answers can change from one question to the next."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self._answers = {name.replace("_", "."): answer for name, answer in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        answers = self._answers.get(host)
        if not answers:
            raise OSError("no such host")
        return answers.pop(0) if len(answers) > 1 else answers[0]


def quick(**limits: Any) -> FetchLimits:
    return FetchLimits(**({"total_s": 20.0, "idle_s": 10.0, "max_bytes": 100_000} | limits))


def test_a_file_on_a_public_host_is_fetched_from_the_checked_address(files: Served, tmp_path: Path) -> None:
    names, internet = Names(pics_example_com=[[PUBLIC], ["127.0.0.1"]]), Internet(files.port)
    fetcher = Fetcher(resolve=names, wire=internet, limits=quick())
    fetched = fetcher.fetch("http://pics.example.com/cat.png?x=1", tmp_path / "cat", media_types=("image/",))
    assert fetched.path.read_bytes() == PICTURE
    assert (fetched.size, fetched.media_type) == (len(PICTURE), "image/png")
    assert names.asked == ["pics.example.com"]
    assert internet.called == [PUBLIC]
    assert files.seen == [("/cat.png?x=1", "pics.example.com")]


def test_a_name_that_becomes_private_between_two_hops_is_refused(files: Served, tmp_path: Path) -> None:
    names, internet = Names(evil_example_com=[[PUBLIC], ["127.0.0.1"]]), Internet(files.port)
    fetcher = Fetcher(resolve=names, wire=internet, limits=quick())
    with pytest.raises(ForbiddenUrl):
        fetcher.fetch("http://evil.example.com/to?http://evil.example.com/x", tmp_path / "x")
    assert internet.called == [PUBLIC]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "answers", [["127.0.0.1"], ["::1"], [PUBLIC, "10.0.0.1"], ["64:ff9b::7f00:1"], ["fe80::1%eth0"]]
)
def test_a_name_with_any_private_address_is_never_connected_to(
    files: Served, tmp_path: Path, answers: list[str]
) -> None:
    internet = Internet(files.port)
    fetcher = Fetcher(resolve=Names(inner_example_com=[answers]), wire=internet, limits=quick())
    with pytest.raises(ForbiddenUrl) as refused:
        fetcher.fetch("http://inner.example.com/", tmp_path / "x", param="input_reference")
    assert internet.called == []
    assert refused.value.param == "input_reference"
    assert not any(answer in str(refused.value) for answer in answers)


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::1]/"])
def test_loopback_is_refused_unless_the_operator_configured_it(
    files: Served, tmp_path: Path, url: str
) -> None:
    with pytest.raises(ForbiddenUrl):
        Fetcher(limits=quick()).fetch(url.format(port=files.port), tmp_path / "x")
    assert files.seen == []


def test_a_configured_host_may_be_private(files: Served, tmp_path: Path) -> None:
    fetcher = Fetcher(allow_hosts=frozenset({files.host}), limits=quick())
    assert fetcher.fetch(f"http://{files.host}/a.png", tmp_path / "a").size == len(PICTURE)


def test_a_configured_host_is_configured_for_its_port_only(files: Served, tmp_path: Path) -> None:
    with pytest.raises(ForbiddenUrl):
        Fetcher(allow_hosts=frozenset({"127.0.0.1"})).fetch(f"http://{files.host}/", tmp_path / "x")


def test_a_configured_host_may_redirect_to_itself(files: Served, tmp_path: Path) -> None:
    fetcher = Fetcher(allow_hosts=frozenset({files.host}), limits=quick())
    for number, there in enumerate((f"http://{files.host}/a.png", "/a.png")):
        fetched = fetcher.fetch(f"http://{files.host}/to?{there}", tmp_path / str(number))
        assert (fetched.size, fetched.redirects) == (len(PICTURE), 1)


def test_another_host_to_which_a_configured_host_redirects_is_not_allowed(
    files: Served, tmp_path: Path
) -> None:
    fetcher = Fetcher(allow_hosts=frozenset({files.host, "10.0.0.1:8080"}), limits=quick())
    for there in ("http://127.0.0.1/a", "http://169.254.169.254/latest/", "http://10.0.0.1:8080/a"):
        with pytest.raises(ForbiddenUrl, match="redirects to another host"):
            fetcher.fetch(f"http://{files.host}/to?{there}", tmp_path / "x")
    assert [path for path, _ in files.seen if not path.startswith("/to?")] == []


def test_at_most_three_redirects_are_followed(files: Served, tmp_path: Path) -> None:
    names = Names(pics_example_com=[[PUBLIC]], cdn_example_com=[[PUBLIC]])
    fetcher = Fetcher(resolve=names, wire=Internet(files.port), limits=quick())
    three = "http://pics.example.com/to?/to?/to?http://cdn.example.com/a.png"
    assert fetcher.fetch(three, tmp_path / "a").redirects == 3
    with pytest.raises(ForbiddenUrl, match="more than 3"):
        fetcher.fetch("http://pics.example.com/to?/to?/to?/to?/a.png", tmp_path / "b")


@pytest.mark.parametrize(
    "there",
    ["http://10.0.0.1/", "file:///etc/passwd", "http://u:p@cdn.example.com/", "http://a:99/", "//[bad"],
)
def test_every_hop_is_checked(files: Served, tmp_path: Path, there: str) -> None:
    fetcher = Fetcher(resolve=Names(pics_example_com=[[PUBLIC]]), wire=Internet(files.port), limits=quick())
    with pytest.raises(ForbiddenUrl):
        fetcher.fetch(f"http://pics.example.com/to?{there}", tmp_path / "x")


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/gzip", InvalidMedia),
        ("/html", InvalidMedia),
        ("/empty", InvalidMedia),
        ("/gone", InvalidMedia),
        ("/short", InvalidMedia),
        ("/endless", TooLarge),
    ],
)
def test_a_failed_download_leaves_no_file(
    files: Served, tmp_path: Path, path: str, error: type[SafelightError]
) -> None:
    fetcher = Fetcher(allow_hosts=frozenset({files.host}), limits=quick())
    with pytest.raises(error):
        fetcher.fetch(f"http://{files.host}{path}", tmp_path / "x", media_types=("image/",))
    assert list(tmp_path.iterdir()) == []


def test_a_file_announced_as_too_large_is_not_read(files: Served, tmp_path: Path) -> None:
    fetcher = Fetcher(allow_hosts=frozenset({files.host}), limits=quick(max_bytes=100))
    with pytest.raises(TooLarge, match="100 bytes"):
        fetcher.fetch(f"http://{files.host}/a.png", tmp_path / "x")


@pytest.mark.parametrize("path", ["/drip", "/drip-headers"])
def test_a_slow_server_is_abandoned_at_the_deadline(files: Served, tmp_path: Path, path: str) -> None:
    fetcher = Fetcher(allow_hosts=frozenset({files.host}), limits=quick(total_s=0.5, idle_s=0.4))
    with pytest.raises(InvalidMedia, match="not respond in time"):
        fetcher.fetch(f"http://{files.host}{path}", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_hanging_resolver_is_abandoned_at_the_deadline(tmp_path: Path) -> None:
    release = threading.Event()

    def hang(host: str, port: int) -> list[str]:
        release.wait()
        return [PUBLIC]

    with pytest.raises(InvalidMedia, match="not respond in time"):
        Fetcher(resolve=hang, limits=quick(total_s=0.2)).fetch("http://slow.example.com/", tmp_path / "x")
    release.set()


def test_an_unknown_host_name_gives_a_plain_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidMedia, match="could not be fetched"):
        Fetcher(resolve=Names(), limits=quick()).fetch("http://nowhere.example.com/", tmp_path / "x")


def test_a_data_url_is_decoded_locally(tmp_path: Path) -> None:
    url = "data:image/png;base64," + base64.b64encode(PICTURE).decode()
    fetched = Fetcher().fetch(url, tmp_path / "a", media_types=("image/",))
    assert fetched.path.read_bytes() == PICTURE
    assert fetched.media_type == "image/png"
    assert Fetcher().fetch("DATA:,hello%20you", tmp_path / "b").path.read_bytes() == b"hello you"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("data:image/png;base64", InvalidMedia),
        ("data:image/png;base64,@@@", InvalidMedia),
        ("data:image/png;base64,", InvalidMedia),
        ("data:text/html,<p>", InvalidMedia),
        ("data:image/png;base64," + "A" * 400, TooLarge),
        ("data:image/png;base64," + "A" * 40_000, TooLarge),
    ],
)
def test_a_bad_data_url_is_refused(tmp_path: Path, url: str, error: type[SafelightError]) -> None:
    with pytest.raises(error):
        Fetcher(limits=quick(max_bytes=200)).fetch(url, tmp_path / "x", media_types=("image/",))
    assert list(tmp_path.iterdir()) == []


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for a self-signed certificate of `name`, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.2"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    pem = folder / "cert.pem"
    pem.write_bytes(
        signed.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


def test_tls_is_verified_for_the_host_name_although_the_address_is_pinned(tmp_path: Path) -> None:
    server, client = certificate(tmp_path, "pics.example.com")
    names = Names(pics_example_com=[[PUBLIC]], other_example_com=[[PUBLIC]])
    into = tmp_path / "a.png"
    for files in serve(server):
        internet = Internet(files.port)
        fetcher = Fetcher(resolve=names, wire=internet, tls=client, limits=quick())
        assert fetcher.fetch("https://pics.example.com/a.png", into).size == len(PICTURE)
        assert internet.called == [PUBLIC]
        with pytest.raises(InvalidMedia):
            fetcher.fetch("https://other.example.com/a.png", tmp_path / "b.png")
        with pytest.raises(InvalidMedia):
            Fetcher(resolve=names, wire=internet, limits=quick()).fetch(
                "https://pics.example.com/a.png", tmp_path / "c.png"
            )
        with pytest.raises(ForbiddenUrl, match="https to http"):
            fetcher.fetch("https://pics.example.com/to?http://pics.example.com/a.png", tmp_path / "d.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "cert.pem"]
