"""An SMTP server on the loopback address that keeps what it receives, with STARTTLS and sign-in."""

from __future__ import annotations

import base64
import datetime as dt
import email
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Mailbox:
    """What the server received, and how it answers."""

    port: int = 0
    #: The answer to RCPT; another number than 250 refuses the recipient.
    recipient_code: int = 250
    #: `user:password` that AUTH PLAIN must give; empty: no sign-in is offered.
    account: str = ""
    received: list[EmailMessage] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    #: Answer DATA with 451 for this number of times.
    fail_next: int = 0


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None, *, implicit: bool = False) -> Iterator[Mailbox]:
    """A server on a free port. With `tls` it offers STARTTLS; with `implicit` it encrypts from the start."""
    box = Mailbox()

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.encrypted = False
            try:
                self.converse()
            except ssl.SSLError:
                return
            finally:
                self.rfile.close()
                self.connection.close()

        def converse(self) -> None:
            if implicit:
                self.encrypt()
            self.say("220 test ESMTP")
            while line := self.rfile.readline():
                word, _, rest = line.decode("ascii").strip().partition(" ")
                if word.upper() == "QUIT":
                    self.say("221 bye")
                    return
                self.answer(word.upper(), rest)

        def encrypt(self) -> None:
            assert tls is not None
            self.connection = tls.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb")
            self.encrypted = True

        def say(self, line: str) -> None:
            self.connection.sendall(f"{line}\r\n".encode())

        def answer(self, word: str, rest: str) -> None:
            if word == "EHLO":
                offers = ["250-test", *(["250-STARTTLS"] if tls and not self.encrypted else [])]
                offers += ["250-AUTH PLAIN"] if box.account else []
                self.say("\r\n".join([*offers, "250 8BITMIME"]))
            elif word == "STARTTLS" and tls:
                self.say("220 go ahead")
                self.encrypt()
            elif word == "AUTH":
                given = base64.b64decode(rest.partition(" ")[2]).decode().strip("\x00").replace("\x00", ":")
                self.say("235 welcome" if given == box.account else "535 no")
            elif word == "RCPT":
                self.say(f"{box.recipient_code} recipient")
            elif word == "DATA":
                self.take()
            else:
                self.say("250 fine")

        def take(self) -> None:
            self.say("354 send it")
            lines = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            if box.fail_next:
                box.fail_next -= 1
                self.say("451 try later")
                return
            message = email.message_from_bytes(b"".join(lines), policy=default)
            assert isinstance(message, EmailMessage)
            box.received.append(message)
            box.encrypted.append(self.encrypted)
            self.say("250 taken")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Session) as server:
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield box
        server.shutdown()
        thread.join(10)


def tls_contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The contexts of a server on 127.0.0.1 with a certificate of its own, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail test")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "mail.pem"
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + pem
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())
