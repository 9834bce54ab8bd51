"""A timestamp authority on this machine: `openssl ts` behind an HTTP server."""

from __future__ import annotations

import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from safelight.provenance.timestamp_authority import TimestampAuthority

_CONFIG = """
[tsa]
default_tsa = local
[local]
serial = {0}/serial
signer_cert = {0}/tsa.pem
signer_key = {0}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""
_EXTENSIONS = """
extendedKeyUsage=critical,timeStamping
keyUsage=critical,digitalSignature
basicConstraints=critical,CA:FALSE
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


class TimestampServer:
    """Answers timestamp queries. `broken` is what it does instead: a status, or bytes that are no answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root.pem"
        self.broken: int | bytes | None = None
        self.asked = 0
        self._make_certificates()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                owner.asked += 1
                query = self.rfile.read(int(self.headers["content-length"]))
                status = owner.broken if isinstance(owner.broken, int) else 200
                answer = owner.broken if isinstance(owner.broken, bytes) else owner._answer(query)
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/tsa"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def authority(self) -> TimestampAuthority:
        return TimestampAuthority.load(self.url, self.root)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _make_certificates(self) -> None:
        self._write("tsa.cnf", _CONFIG.format(self.folder))
        self._write("extensions", _EXTENSIONS)
        self._write("serial", "01\n")
        ca = ("-addext", "keyUsage=critical,keyCertSign", "-addext", "basicConstraints=critical,CA:TRUE")
        name = ("-subj", "/O=Local/CN=Root of the authority")
        self._openssl(
            "req", "-x509", *_NEW_KEY, "-days", "30", *name, *ca, "-keyout", "root.key", "-out", "root.pem"
        )
        self._openssl(
            "req", *_NEW_KEY, "-subj", "/O=Local/CN=Authority", "-keyout", "tsa.key", "-out", "tsa.csr"
        )
        issuer = ("-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial")
        self._openssl(
            "x509",
            "-req",
            "-in",
            "tsa.csr",
            *issuer,
            "-days",
            "20",
            "-extfile",
            "extensions",
            "-out",
            "tsa.pem",
        )

    def _answer(self, query: bytes) -> bytes:
        (self.folder / "query").write_bytes(query)
        self._openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "answer")
        return (self.folder / "answer").read_bytes()

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def _write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
