"""The connection to an API server: one request is one try with a short timeout, and one clear error when it fails."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stratus_sim.errors import UserError

if TYPE_CHECKING:
    from kubernetes.dynamic import DynamicClient

Json = dict[str, Any]

TIMEOUT_S = (3.0, 10.0)
"""To connect, and between two pieces of an answer. A write that was sent may have happened when it runs out."""

MANAGER = "stratus"
"""The field manager of our writes, and the user agent."""

MERGE_PATCH = "application/merge-patch+json"


class Unreachable(UserError):
    """The server did not answer. Whether a write happened is not known."""


class Refused(Exception):
    """The server answered, and said no: an HTTP status with the Status object's reason and message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


class Connection:
    """Requests to one API server, plain JSON in and out."""

    def __init__(self, client: DynamicClient, url: str) -> None:
        """Use `connect`."""
        self._client, self.url = client, url

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "",
    ) -> Json:
        """One request.

        Raises:
            Refused: the server answered with an error.
            UserError: it does not answer, does not know us, or answers with something that is not JSON.
        """
        response = self._open(method, path, body, query or {}, content_type)
        try:
            found = json.loads(response.data)
        except ValueError:
            found = None
        except _http_error() as error:
            raise Unreachable(f"{self.url}: the answer broke off ({type(error).__name__}); check the server") from None
        if not isinstance(found, dict):
            raise UserError(f"{self.url}{path}: answers with something that is no Kubernetes object: check the server")
        return found

    def stream(self, path: str, query: Mapping[str, str]) -> Iterator[Json]:
        """The events of a watch until the server ends it. Raises as `send` does."""
        response = self._open("GET", path, None, query, "")
        rest = b""
        try:
            for piece in response.stream(65536, decode_content=False):
                *lines, rest = (rest + piece).split(b"\n")
                yield from (json.loads(line) for line in lines if line.strip())
        except (_http_error(), ValueError) as error:
            raise Unreachable(f"{self.url}: the watch broke off ({type(error).__name__})") from None
        finally:
            response.close()

    def _open(self, method: str, path: str, body: Any, query: Mapping[str, str], content_type: str) -> Any:
        options: dict[str, Any] = {"query_params": list(query.items()), "_request_timeout": TIMEOUT_S}
        if content_type:
            options["content_type"] = content_type
        try:
            return self._client.request(method, path, body=body, serialize=False, **options)
        except _api_error() as error:
            raise self._refusal(error) from None
        except (_http_error(), OSError) as error:
            raise Unreachable(f"{self.url}: {_reason(error)}; check the kubeconfig and that the server runs") from None

    def _refusal(self, error: Any) -> Exception:
        status = int(error.status or 0)
        if not status:
            return Unreachable(f"{self.url}: {str(error.reason).splitlines()[-1]}; check the kubeconfig")
        found = _status(error.body)
        message = str(found.get("message") or error.reason or f"HTTP {status}")
        if status == 401:
            return UserError(f"{self.url}: {message}: the kubeconfig's credentials are not accepted")
        return Refused(status, str(found.get("reason", "")), message)


def connect(kubeconfig: Path, context: str | None = None) -> Connection:
    """The server a kubeconfig leads to; nothing is sent yet.

    Raises:
        UserError: the file is missing or unusable, has no such context, or the `kubernetes` package is not installed.
    """
    try:
        from kubernetes import client as api  # noqa: PLC0415
        from kubernetes import config, dynamic  # noqa: PLC0415
    except ImportError:
        raise UserError("needs the official Kubernetes client: pip install 'stratus-tnr[cluster]'") from None
    if not kubeconfig.is_file():
        raise UserError(f"{kubeconfig}: no such file; expected a kubeconfig, such as ~/.kube/config")
    settings = api.Configuration()
    settings.retries = 0
    try:
        load: Any = config.load_kube_config
        load(str(kubeconfig), context=context, client_configuration=settings, persist_config=False)
    except Exception as error:  # noqa: BLE001  # the loader lets YAML, key and type errors through as they come
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{kubeconfig}: is no usable kubeconfig ({detail})") from None
    raw = api.ApiClient(settings)
    raw.user_agent = MANAGER
    client: Any = dynamic.DynamicClient
    return Connection(client(raw, discoverer=_no_discovery), str(settings.host))


def _no_discovery(_client: Any, _cache: Any) -> None:
    """What the server serves is asked for when it is needed (`stratus_sim.adapters.kubernetes.kinds`)."""


def _status(body: Any) -> Mapping[str, Any]:
    try:
        found = json.loads(body or "{}")
    except (ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _reason(error: BaseException) -> str:
    inner = getattr(error, "reason", None) or error
    text = str(inner).rpartition(": ")[2] or type(error).__name__
    return text if len(text) < 200 else type(inner).__name__


def _api_error() -> type[Exception]:
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415
    from kubernetes.dynamic.exceptions import DynamicApiError  # noqa: PLC0415

    return (ApiException, DynamicApiError)  # type: ignore[return-value]  # `except` takes a tuple as well


def _http_error() -> type[Exception]:
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    return HTTPError
