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

from safelight.core.errors import ForbiddenUrl, InvalidMedia, TooLarge
from safelight.core.net.fetch import Fetcher, FetchLimits

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
            self.pour_picture(lambda: self.wfile.write(bytes(65536)))
        elif path == "/drip":
            self.pour_picture(lambda: (self.wfile.write(b"x"), time.sleep(0.05)))
        elif path == "/drip-headers":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            self.pour(lambda: (self.wfile.write(b"a: b\r\n"), time.sleep(0.05)))
        else:
            self.give(PICTURE)

    def pour_picture(self, more: Callable[[], Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "image/png")
        self.end_headers()
        self.pour(more)

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


def local(files: Served, **limits: Any) -> Fetcher:
    """A fetcher for which the operator configured this server."""
    return Fetcher(allow_hosts=frozenset({files.host}), limits=quick(**limits))


class World:
    """A fetcher, the names that it can resolve, and an internet in which all of them are this server."""

    def __init__(self, files: Served, **names: list[list[str]]) -> None:
        self.names, self.internet = Names(**names), Internet(files.port)
        self.fetcher = Fetcher(resolve=self.names, wire=self.internet, limits=quick())


def test_a_file_on_a_public_host_is_fetched_from_the_checked_address(files: Served, tmp_path: Path) -> None:
    world = World(files, pics_example_com=[[PUBLIC], ["127.0.0.1"]])
    url = "http://pics.example.com/cat.png?x=1"
    fetched = world.fetcher.fetch(url, tmp_path / "cat", media_types=("image/",))
    assert fetched.path.read_bytes() == PICTURE
    assert (fetched.size, fetched.media_type) == (len(PICTURE), "image/png")
    assert (world.names.asked, world.internet.called) == (["pics.example.com"], [PUBLIC])
    assert files.seen == [("/cat.png?x=1", "pics.example.com")]


def test_a_name_that_becomes_private_between_two_hops_is_refused(files: Served, tmp_path: Path) -> None:
    world = World(files, evil_example_com=[[PUBLIC], ["127.0.0.1"]])
    with pytest.raises(ForbiddenUrl):
        world.fetcher.fetch("http://evil.example.com/to?http://evil.example.com/x", tmp_path / "x")
    assert world.internet.called == [PUBLIC]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "answers", [["127.0.0.1"], ["::1"], [PUBLIC, "10.0.0.1"], ["64:ff9b::7f00:1"], ["fe80::1%eth0"]]
)
def test_a_name_with_any_private_address_is_never_connected_to(
    files: Served, tmp_path: Path, answers: list[str]
) -> None:
    world = World(files, inner_example_com=[answers])
    with pytest.raises(ForbiddenUrl) as refused:
        world.fetcher.fetch("http://inner.example.com/", tmp_path / "x", param="input_reference")
    assert world.internet.called == []
    assert refused.value.param == "input_reference"
    assert not any(answer in str(refused.value) for answer in answers)


def test_loopback_is_refused_unless_the_operator_configured_it_with_its_port(
    files: Served, tmp_path: Path
) -> None:
    for host in (files.host, f"localhost:{files.port}", "[::1]"):
        with pytest.raises(ForbiddenUrl):
            Fetcher(limits=quick()).fetch(f"http://{host}/", tmp_path / "x")
    with pytest.raises(ForbiddenUrl):
        Fetcher(allow_hosts=frozenset({"127.0.0.1"})).fetch(f"http://{files.host}/", tmp_path / "x")
    assert files.seen == []
    for number, path in enumerate(("a.png", f"to?http://{files.host}/a.png", "to?/a.png")):
        fetched = local(files).fetch(f"http://{files.host}/{path}", tmp_path / str(number))
        assert (fetched.size, fetched.redirects) == (len(PICTURE), min(number, 1))


def test_another_host_to_which_a_configured_host_redirects_is_not_allowed(
    files: Served, tmp_path: Path
) -> None:
    fetcher = Fetcher(allow_hosts=frozenset({files.host, "10.0.0.1:8080"}), limits=quick())
    for there in ("http://127.0.0.1/a", "http://169.254.169.254/latest/", "http://10.0.0.1:8080/a"):
        with pytest.raises(ForbiddenUrl, match="redirects to another host"):
            fetcher.fetch(f"http://{files.host}/to?{there}", tmp_path / "x")
    assert [path for path, _ in files.seen if not path.startswith("/to?")] == []


def test_at_most_three_redirects_are_followed(files: Served, tmp_path: Path) -> None:
    fetcher = World(files, pics_example_com=[[PUBLIC]], cdn_example_com=[[PUBLIC]]).fetcher
    three = "http://pics.example.com/to?/to?/to?http://cdn.example.com/a.png"
    assert fetcher.fetch(three, tmp_path / "a").redirects == 3
    with pytest.raises(ForbiddenUrl, match="more than 3"):
        fetcher.fetch("http://pics.example.com/to?/to?/to?/to?/a.png", tmp_path / "b")


def test_every_hop_is_checked(files: Served, tmp_path: Path) -> None:
    fetcher = World(files, pics_example_com=[[PUBLIC]]).fetcher
    for there in (
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "http://u:p@cdn.example.com/",
        "http://a:99/",
        "//[bad",
    ):
        with pytest.raises(ForbiddenUrl):
            fetcher.fetch(f"http://pics.example.com/to?{there}", tmp_path / "x")


def test_a_failed_download_leaves_no_file(files: Served, tmp_path: Path) -> None:
    slow = {"total_s": 0.5, "idle_s": 0.4}
    for path, error, said, limits in (
        ("gzip", InvalidMedia, None, {}),
        ("html", InvalidMedia, None, {}),
        ("empty", InvalidMedia, None, {}),
        ("gone", InvalidMedia, None, {}),
        ("short", InvalidMedia, None, {}),
        ("endless", TooLarge, None, {}),
        ("a.png", TooLarge, "100 bytes", {"max_bytes": 100}),
        ("drip", InvalidMedia, "not respond in time", slow),
        ("drip-headers", InvalidMedia, "not respond in time", slow),
    ):
        with pytest.raises(error, match=said):
            local(files, **limits).fetch(
                f"http://{files.host}/{path}", tmp_path / "x", media_types=("image/",)
            )
        assert list(tmp_path.iterdir()) == [], path


def test_a_hanging_resolver_is_abandoned_and_an_unknown_host_name_gives_a_plain_error(tmp_path: Path) -> None:
    release = threading.Event()

    def hang(host: str, port: int) -> list[str]:
        release.wait()
        return [PUBLIC]

    with pytest.raises(InvalidMedia, match="not respond in time"):
        Fetcher(resolve=hang, limits=quick(total_s=0.2)).fetch("http://slow.example.com/", tmp_path / "x")
    release.set()
    with pytest.raises(InvalidMedia, match="could not be fetched"):
        Fetcher(resolve=Names(), limits=quick()).fetch("http://nowhere.example.com/", tmp_path / "x")


def test_a_data_url_is_decoded_locally(tmp_path: Path) -> None:
    url = "data:image/png;base64," + base64.b64encode(PICTURE).decode()
    fetched = Fetcher().fetch(url, tmp_path / "a", media_types=("image/",))
    assert fetched.path.read_bytes() == PICTURE
    assert fetched.media_type == "image/png"
    assert Fetcher().fetch("DATA:,hello%20you", tmp_path / "b").path.read_bytes() == b"hello you"


def test_a_bad_data_url_is_refused(tmp_path: Path) -> None:
    for url, error in (
        ("image/png;base64", InvalidMedia),
        ("image/png;base64,@@@", InvalidMedia),
        ("image/png;base64,", InvalidMedia),
        ("text/html,<p>", InvalidMedia),
        ("image/png;base64," + "A" * 400, TooLarge),
        ("image/png;base64," + "A" * 40_000, TooLarge),
    ):
        with pytest.raises(error):
            Fetcher(limits=quick(max_bytes=200)).fetch(f"data:{url}", tmp_path / "x", media_types=("image/",))
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
