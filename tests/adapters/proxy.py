"""A real HTTP server in front of another one that answers some requests itself, or hangs up on them."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

Answer = int | str | None
Rule = Callable[[str, str], Answer]
"""From method and path to a status to answer with; "before" or "after" to hang up without an answer, "cut" in the
middle of it; or None."""


@contextmanager
def proxied(url: str, rule: Rule) -> Iterator[str]:
    """The url of the proxy."""
    upstream = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_message(self, *_words: object) -> None:
            pass

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = rule(self.command, self.path)
            if isinstance(answer, int):
                return self.reply(answer, json.dumps(status(answer)).encode())
            if answer in ("before", "after", "cut"):
                self.close_connection = True
            if answer == "before":
                return None
            connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port or 0, timeout=10)
            connection.request(self.command, self.path, body, dict(self.headers))
            found = connection.getresponse()
            watched = b"" if "watch=true" in self.path else found.read()
            if answer == "after":
                return None
            if answer == "cut":
                return self.reply(found.status, watched, sent=len(watched) // 2)
            return self.stream(found) if "watch=true" in self.path else self.reply(found.status, watched)

        def stream(self, found: http.client.HTTPResponse) -> None:
            self.send_response(found.status)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while line := found.readline():
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

        def reply(self, code: int, body: bytes, sent: int | None = None) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:sent])

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = forward  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that is gone is no news
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def status(code: int) -> dict[str, object]:
    reasons = {
        401: "Unauthorized",
        403: "Forbidden",
        410: "Expired",
        429: "TooManyRequests",
        500: "InternalError",
        503: "ServiceUnavailable",
    }
    message = f"{reasons[code]}: says the proxy"
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reasons[code],
        "message": message,
    }


def redirected(kubeconfig: Path, url: str, place: Path) -> Path:
    """The kubeconfig, leading to the proxy."""
    text = kubeconfig.read_text()
    server = next(line.split("server:")[1].strip() for line in text.splitlines() if "server:" in line)
    place.write_text(text.replace(server, url))
    return place
