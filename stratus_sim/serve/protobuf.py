"""Protobuf request bodies, which kubectl's typed commands send (`create`, `drain`); replies are always JSON.

A body is `k8s\\0` and a runtime.Unknown around the object. Source: kubernetes.io/docs/reference/using-api/api-concepts
("Kubernetes Protobuf encoding").
"""

from __future__ import annotations

from stratus_sim.serve.messages import KINDS
from stratus_sim.serve.wire import Field, Message, data_of, message, one, text_of, unread
from stratus_sim.telemetry.render import Json

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"
_UNKNOWN: Message = {
    1: one("type", {1: text_of("apiVersion"), 2: text_of("kind")}), 2: Field("raw", data_of),
    3: text_of("contentEncoding"), 4: text_of("contentType"),
}  # fmt: skip


def decode(body: bytes) -> Json:
    """The object in a body, as JSON.

    Raises:
        Refusal: 415, it is no such body, or has a kind or a field that is not read here.
    """
    if not body.startswith(_MAGIC):
        raise unread("it does not begin as one")
    unknown = message(_UNKNOWN)(body[len(_MAGIC) :], 0)
    kind, version = unknown.get("type", {}).get("kind", ""), unknown.get("type", {}).get("apiVersion", "")
    if kind not in KINDS:
        raise unread(f"objects of kind {kind!r} are not")
    content = message(KINDS[kind])(unknown.get("raw", b""), 0)
    return {"apiVersion": version, "kind": kind, **content}
