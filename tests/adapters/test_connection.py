"""Whatever a server answers, or does not, is JSON, a refusal or one message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from urllib3.exceptions import MaxRetryError, ProtocolError

from stratus_sim.adapters.kubernetes.connection import TIMEOUT_S, Connection, Refused, Unreachable
from stratus_sim.errors import UserError

URL = "https://server"


class Response:
    """What comes back: bytes, piece by piece, and then perhaps an error."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self._pieces, self.closed = pieces, False

    @property
    def data(self) -> bytes:
        return b"".join(self.stream())

    def stream(self, *_size: int, **_options: bool) -> Iterator[bytes]:
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def close(self) -> None:
        self.closed = True


class Client:
    def __init__(self, answer: Response | Exception) -> None:
        self._answer = answer

    def request(self, method: str, path: str, **options: Any) -> Response:
        self.asked = (method, path, options)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def connection(answer: Response | Exception) -> tuple[Connection, Client]:
    client = Client(answer)
    return Connection(cast(DynamicClient, client), URL), client


def refusal(status: int | None, body: str | None, reason: str = "why") -> ApiException:
    found = ApiException(status=status, reason=reason)
    found.body = body
    return found


def test_a_request_is_sent_as_it_stands_with_a_time_limit() -> None:
    server, client = connection(Response(b'{"a":', b" 1}"))
    assert server.send("PATCH", "/x", {"b": 2}, query={"q": "1"}, content_type="t") == {"a": 1}
    options = {"query_params": [("q", "1")], "_request_timeout": TIMEOUT_S, "content_type": "t"}
    assert client.asked == ("PATCH", "/x", {"body": {"b": 2}, "serialize": False, **options})
    server, client = connection(Response(b"{}"))
    server.send("GET", "/x")
    assert "content_type" not in client.asked[2]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Response(b"<html>"), "https://server/x: answers with something that is no Kubernetes object"),
        (Response(b"[1]"), "https://server/x: answers with something"),
        (Response(b"{", ProtocolError("cut")), r"https://server: the answer broke off \(ProtocolError\)"),
        (OSError("no route"), "https://server: no route; check the kubeconfig"),
        (MaxRetryError(None, "/x", OSError(f"{'x' * 300}: gone")), "https://server: gone; check"),
        (MaxRetryError(None, "/x", OSError("x" * 300)), "https://server: OSError; check"),
        (refusal(0, None, "SSLError\nbad certificate"), "https://server: bad certificate; check the kubeconfig"),
        (refusal(None, None, "no answer"), "https://server: no answer; check the kubeconfig"),
        (refusal(401, '{"message": "who?"}'), "https://server: who.: the kubeconfig's credentials are not accepted"),
    ],
)
def test_what_cannot_be_used_is_one_message(answer: Response | Exception, said: str) -> None:
    with pytest.raises(UserError, match=f"^{said}"):
        connection(answer)[0].send("GET", "/x")


@pytest.mark.parametrize(
    ("body", "reason", "message"),
    [
        ('{"reason": "Expired", "message": "too old"}', "Expired", "too old"),
        ('{"reason": "Expired"}', "Expired", "why"),
        ("<html>", "", "why"),
        ("[1]", "", "why"),
        (None, "", "why"),
    ],
)
def test_a_refusal_carries_what_the_server_said(body: str | None, reason: str, message: str) -> None:
    with pytest.raises(Refused) as caught:
        connection(refusal(410, body))[0].send("GET", "/x")
    found = caught.value
    assert (found.status, found.reason, found.message, str(found)) == (410, reason, message, message)


def test_a_watch_is_read_line_by_line_however_it_is_cut() -> None:
    text = b'{"n": 1}\n\n{"n": "\xc3\xa9"}\n{"n": 3}\n{"n":'
    for size in (1, 3, 100):
        answer = Response(*(text[i : i + size] for i in range(0, len(text), size)))
        server, client = connection(answer)
        assert list(server.stream("/x", {"watch": "true"})) == [{"n": 1}, {"n": "é"}, {"n": 3}]
        assert client.asked[:2] == ("GET", "/x") and client.asked[2]["query_params"] == [("watch", "true")]
        assert answer.closed


@pytest.mark.parametrize("end", [ProtocolError("cut"), b"<html>\n"], ids=["cut", "nonsense"])
def test_a_watch_that_breaks_off_says_so(end: bytes | Exception) -> None:
    answer = Response(b'{"n": 1}\n', end)
    events = connection(answer)[0].stream("/x", {})
    assert next(events) == {"n": 1}
    with pytest.raises(Unreachable, match="the watch broke off"):
        next(events)
    assert answer.closed
