"""The HTTP side: sockets and threads, nothing of Kubernetes.

`http.server` of the standard library is enough: requests are few, the world is under one lock anyhow, and a watch is a
thread that sleeps. An asynchronous stack would add dependencies and no speed.
"""

from __future__ import annotations

import json
import select
import socket
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from stratus_sim.serve.answers import Answer, Refusal, Request, Stream
from stratus_sim.serve.service import Service

MAX_BODY = 3 * 1024 * 1024
"""Bytes of a request body, as the API server's own limit."""
LOOPBACK = "127.0.0.1"
_HOSTS = frozenset({LOOPBACK, "localhost"})


class Server(ThreadingHTTPServer):
    """A listening socket on the loopback interface, and the connections that came of it."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, service: Service, port: int) -> None:
        """Raises OSError: the port is taken."""
        self.service = service
        self.open: dict[threading.Thread, socket.socket] = {}
        super().__init__((LOOPBACK, port), _Handler)

    def hang_up(self) -> None:
        """Close every connection and wait for their threads to end."""
        for thread, connection in list(self.open.items()):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
            finally:
                thread.join(timeout=2)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle of a reply is no news."""


def _written(document: Any) -> bytes:
    if document is None or isinstance(document, str):
        return (document or "").encode("utf-8", "replace")
    return json.dumps(document, default=str).encode() + b"\n"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one packet

    def setup(self) -> None:
        super().setup()
        self.server.open[threading.current_thread()] = self.connection

    def finish(self) -> None:
        try:
            super().finish()
        finally:
            self.server.open.pop(threading.current_thread(), None)

    def _serve(self) -> None:
        try:
            request = self._request()
        except Refusal as refusal:
            self.close_connection = True
            self._reply(Answer(refusal.status(), refusal.code))
            return
        answer = self.server.service.handle(request)
        if isinstance(answer, Stream):
            self._stream(answer)
        else:
            self._reply(answer)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815  # http.server looks them up so

    def _request(self) -> Request:
        """Raises Refusal for what comes from a web page, and for bodies of unknown or excessive length."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        if headers.get("host", "").rpartition(":")[0] not in _HOSTS or "origin" in headers:
            raise Refusal(403, "only programs on this machine are served, not pages in a browser")
        if "transfer-encoding" in headers:
            raise Refusal(411, "a body needs a Content-Length")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY:
            raise Refusal(413, f"the body is longer than {MAX_BODY} bytes")
        url = urlsplit(self.path)
        path = tuple(unquote(step) for step in url.path.split("/") if step)
        query = parse_qs(url.query, keep_blank_values=True)
        parameters = {name: ",".join(dict.fromkeys(values)) for name, values in query.items()}
        return Request(self.command, path, parameters, headers, self.rfile.read(int(length)))

    def _reply(self, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body, default=str)
        data = body.encode("utf-8", "replace")
        self.send_response(answer.code)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def _stream(self, stream: Stream) -> None:
        self.send_response(200)
        self.send_header("Content-Type", stream.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        try:
            for document in stream.documents:
                if document is None and self._gone():
                    return
                self._chunk(_written(document))
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()
        except OSError:
            self.close_connection = True

    def _chunk(self, data: bytes) -> None:
        if data:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()

    def _gone(self) -> bool:
        """Whether the client has hung up: it has no reason to send anything during a watch."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        self.close_connection = bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)
        return self.close_connection

    def send_response(self, code: int, message: str | None = None) -> None:
        """Without a Server header, which the API server does not send either."""
        self.send_response_only(code, message)
        self.send_header("Date", self.date_time_string())

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The Date header tells the cluster's time, so that a client can measure ages and leases by it."""
        now = datetime.fromisoformat(self.server.service.calendar.now())
        return super().date_time_string(now.timestamp() if timestamp is None else timestamp)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the HTTP parser refuses is a Status too."""
        self.close_connection = True
        self._reply(Answer(Refusal(code, message or explain or "bad request").status(), code))

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: the audit log of the world says who wrote what."""
