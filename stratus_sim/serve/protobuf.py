"""Protobuf request bodies, which kubectl's typed commands send (`create`, `drain`); replies are always JSON.

A body is `k8s\\0` and a runtime.Unknown around the object. The fields below are those such commands set; a body with
any other is refused as a whole, because what is not read could be a `dryRun`. The `protobuf` package would not help: it
wants descriptors of all of Kubernetes' types, and the wire format itself is the forty lines at the end.

Sources: kubernetes.io/docs/reference/using-api/api-concepts ("Kubernetes Protobuf encoding"), the generated.proto of
k8s.io/api (field numbers), protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from stratus_sim.serve.answers import Refusal
from stratus_sim.telemetry.render import Json

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\0"
_MAX_DEPTH = 20

Value = int | bytes
Read = Callable[[Value, int], Any]


class Field(NamedTuple):
    """A field of a message: its JSON name, how its value is read, whether it repeats, whether zero means absent."""

    name: str
    read: Read
    repeated: bool = False
    sparse: bool = True
    mapped: bool = False


Message = Mapping[int, Field]


def decode(body: bytes) -> Json:
    """The object in a body, as JSON.

    Raises:
        Refusal: 415, it is no such body, or has a kind or a field that is not read here.
    """
    if not body.startswith(_MAGIC):
        raise _unread("it does not begin as one")
    unknown = _message(_UNKNOWN)(body[len(_MAGIC) :], 0)
    kind, version = unknown.get("type", {}).get("kind", ""), unknown.get("type", {}).get("apiVersion", "")
    if kind not in _KINDS:
        raise _unread(f"objects of kind {kind!r} are not")
    content = _message(_KINDS[kind])(unknown.get("raw", b""), 0)
    return {"apiVersion": version, "kind": kind, **content}


def _unread(what: str) -> Refusal:
    way = "write the object to a file and use `kubectl apply -f`"
    return Refusal(415, f"not every protobuf body is read here: {what}; {way}")


def _message(fields: Message | None) -> Read:
    """How a message is read; without fields, one that the server does not heed."""

    def read(value: Value, depth: int) -> Json:
        if fields is None:
            return {}
        if isinstance(value, int) or depth > _MAX_DEPTH:
            raise _unread("it is damaged")
        found: Json = {}
        for number, raw in _split(value):
            if number not in fields:
                raise _unread(f"field {number} beside {', '.join(f.name for f in fields.values())} is not")
            _put(found, fields[number], fields[number].read(raw, depth + 1))
        return found

    return read


def _put(found: Json, field: Field, value: Any) -> None:
    if field.mapped:
        found.setdefault(field.name, {})[value.get("key", "")] = value.get("value", "")
    elif field.repeated:
        found.setdefault(field.name, []).append(value)
    elif value or not field.sparse:
        found[field.name] = value


def _text(value: Value, _depth: int) -> str:
    try:
        return _data(value, 0).decode()
    except UnicodeDecodeError:
        raise _unread("it is damaged") from None


def _data(value: Value, _depth: int) -> bytes:
    if isinstance(value, int):
        raise _unread("it is damaged")
    return value


def _encoded(value: Value, _depth: int) -> str:
    return base64.b64encode(_data(value, 0)).decode()


def _number(value: Value, _depth: int) -> int:
    """Negative numbers are sent as their two's complement of 64 bits."""
    if isinstance(value, bytes):
        raise _unread("it is damaged")
    return value - (1 << 64) if value >> 63 else value


def _truth(value: Value, _depth: int) -> bool:
    return bool(_number(value, 0))


def _quantity(value: Value, depth: int) -> str:
    return str(_message({1: Field("string", _text)})(value, depth).get("string", "0"))


def _int_or_string(value: Value, depth: int) -> int | str:
    fields = {1: Field("type", _number), 2: Field("int", _number), 3: Field("string", _text)}
    found = _message(fields)(value, depth)
    return str(found.get("string", "")) if found.get("type") else int(found.get("int", 0))


def _text_of(name: str) -> Field:
    return Field(name, _text)


def _texts(name: str) -> Field:
    return Field(name, _text, repeated=True)


def _flag(name: str) -> Field:
    return Field(name, _truth)


def _given(name: str) -> Field:
    """A number that was set, though it may be zero."""
    return Field(name, _number, sparse=False)


def _map(name: str, read: Read = _text) -> Field:
    entry = _message({1: Field("key", _text), 2: Field("value", read, sparse=False)})
    return Field(name, entry, mapped=True)


def _one(name: str, fields: Message | None) -> Field:
    return Field(name, _message(fields))


def _many(name: str, fields: Message) -> Field:
    return Field(name, _message(fields), repeated=True)


_UNKNOWN: Message = {
    1: _one("type", {1: _text_of("apiVersion"), 2: _text_of("kind")}), 2: Field("raw", _data),
    3: _text_of("contentEncoding"), 4: _text_of("contentType"),
}  # fmt: skip
_METADATA: Message = {
    1: _text_of("name"), 2: _text_of("generateName"), 3: _text_of("namespace"), 4: _text_of("selfLink"),
    5: _text_of("uid"), 6: _text_of("resourceVersion"), 7: Field("generation", _number),
    8: _one("creationTimestamp", None), 11: _map("labels"), 12: _map("annotations"), 14: _texts("finalizers"),
}  # fmt: skip
_PORT: Message = {
    1: _text_of("name"), 2: Field("hostPort", _number), 3: Field("containerPort", _number), 4: _text_of("protocol"),
    5: _text_of("hostIP"),
}  # fmt: skip
_CONTAINER: Message = {
    1: _text_of("name"), 2: _text_of("image"), 3: _texts("command"), 4: _texts("args"), 5: _text_of("workingDir"),
    6: _many("ports", _PORT), 7: _many("env", {1: _text_of("name"), 2: _text_of("value")}),
    8: _one("resources", {1: _map("limits", _quantity), 2: _map("requests", _quantity)}),
    13: _text_of("terminationMessagePath"), 14: _text_of("imagePullPolicy"), 16: _flag("stdin"), 17: _flag("stdinOnce"),
    18: _flag("tty"), 20: _text_of("terminationMessagePolicy"),
}  # fmt: skip
_POD_SPEC: Message = {
    2: _many("containers", _CONTAINER), 3: _text_of("restartPolicy"), 6: _text_of("dnsPolicy"), 7: _map("nodeSelector"),
    8: _text_of("serviceAccountName"), 9: _text_of("serviceAccount"), 10: _text_of("nodeName"),
    11: _flag("hostNetwork"), 12: _flag("hostPID"), 13: _flag("hostIPC"), 16: _text_of("hostname"),
    17: _text_of("subdomain"), 19: _text_of("schedulerName"),
    24: _text_of("priorityClassName"),
}  # fmt: skip
_DEPLOYMENT_SPEC: Message = {
    1: _given("replicas"), 2: _one("selector", {1: _map("matchLabels")}),
    3: _one("template", {1: _one("metadata", _METADATA), 2: _one("spec", _POD_SPEC)}),
    4: _one("strategy", {1: _text_of("type")}), 5: Field("minReadySeconds", _number), 6: _given("revisionHistoryLimit"),
    7: _flag("paused"), 9: _given("progressDeadlineSeconds"),
}  # fmt: skip
_SERVICE_PORT: Message = {
    1: _text_of("name"), 2: _text_of("protocol"), 3: Field("port", _number), 4: Field("targetPort", _int_or_string),
    5: Field("nodePort", _number), 6: _text_of("appProtocol"),
}  # fmt: skip
_SERVICE_SPEC: Message = {
    1: _many("ports", _SERVICE_PORT), 2: _map("selector"), 3: _text_of("clusterIP"), 4: _text_of("type"),
    5: _texts("externalIPs"), 7: _text_of("sessionAffinity"), 8: _text_of("loadBalancerIP"),
    9: _texts("loadBalancerSourceRanges"), 10: _text_of("externalName"), 11: _text_of("externalTrafficPolicy"),
    12: Field("healthCheckNodePort", _number), 13: _flag("publishNotReadyAddresses"), 18: _texts("clusterIPs"),
}  # fmt: skip
_DELETE_OPTIONS: Message = {
    1: _given("gracePeriodSeconds"), 2: _one("preconditions", {1: _text_of("uid"), 2: _text_of("resourceVersion")}),
    3: _flag("orphanDependents"), 4: _text_of("propagationPolicy"), 5: _texts("dryRun"),
}  # fmt: skip
_OBJECT: Message = {1: _one("metadata", _METADATA)}
_KINDS: Mapping[str, Message] = {
    "ConfigMap": {**_OBJECT, 2: _map("data"), 3: _map("binaryData", _encoded), 4: _flag("immutable")},
    "Deployment": {**_OBJECT, 2: _one("spec", _DEPLOYMENT_SPEC), 3: _one("status", None)},
    "DeleteOptions": _DELETE_OPTIONS,
    "Eviction": {**_OBJECT, 2: _one("deleteOptions", _DELETE_OPTIONS)},
    "Namespace": {**_OBJECT, 2: _one("spec", {1: _texts("finalizers")}), 3: _one("status", None)},
    "Secret": {**_OBJECT, 2: _map("data", _encoded), 3: _text_of("type"), 4: _map("stringData"), 5: _flag("immutable")},
    "Service": {**_OBJECT, 2: _one("spec", _SERVICE_SPEC), 3: _one("status", None)},
    "ServiceAccount": _OBJECT,
}


def _split(data: bytes) -> Iterator[tuple[int, Value]]:
    """The fields of a message in order, by number; varints and what has a length are all that Kubernetes sends here."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        value, position = _varint(data, position)
        if tag & 7 == 0:
            yield tag >> 3, value
        elif tag & 7 == 2 and position + value <= len(data):
            yield tag >> 3, data[position : position + value]
            position += value
        else:
            raise _unread("it is damaged")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A number, seven bits a byte, lowest first; and where it ends."""
    found = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        found |= (data[position] & 0x7F) << shift
        position += 1
        if not data[position - 1] & 0x80:
            return found, position
    raise _unread("it is damaged")
