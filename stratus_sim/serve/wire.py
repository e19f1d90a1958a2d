"""Protobuf's wire format, and how the fields of a message become JSON.

The `protobuf` package would not help: it wants descriptors of all of Kubernetes' types, and the format itself is the
forty lines at the end. Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from stratus_sim.serve.answers import Refusal
from stratus_sim.telemetry.render import Json

_MAX_DEPTH = 20

Value = int | bytes
Read = Callable[[Value, int], Any]


class Field(NamedTuple):
    """A field of a message: its JSON name, how its value is read, whether it repeats, whether zero means absent.

    A `mapped` one is an entry of a map; the fields of an `inlined` one stand in JSON beside it.
    """

    name: str
    read: Read
    repeated: bool = False
    sparse: bool = True
    mapped: bool = False
    inlined: bool = False


Message = Mapping[int, Field]


def unread(what: str) -> Refusal:
    way = "write the object to a file and use `kubectl apply -f`"
    return Refusal(415, f"not every protobuf body is read here: {what}; {way}")


def message(fields: Message | None) -> Read:
    """How a message is read; without fields, one that the server does not heed."""

    def read(value: Value, depth: int) -> Json:
        if fields is None:
            return {}
        if isinstance(value, int) or depth > _MAX_DEPTH:
            raise unread("it is damaged")
        found: Json = {}
        for number, raw in _split(value):
            if number not in fields:
                raise unread(f"field {number} beside {', '.join(f.name for f in fields.values())} is not")
            _put(found, fields[number], fields[number].read(raw, depth + 1))
        return found

    return read


def _put(found: Json, field: Field, value: Any) -> None:
    if field.inlined:
        found |= value
    elif field.mapped:
        found.setdefault(field.name, {})[value.get("key", "")] = value.get("value", "")
    elif field.repeated:
        found.setdefault(field.name, []).append(value)
    elif value or not field.sparse:
        found[field.name] = value


def text(value: Value, _depth: int) -> str:
    try:
        return data_of(value, 0).decode()
    except UnicodeDecodeError:
        raise unread("it is damaged") from None


def data_of(value: Value, _depth: int) -> bytes:
    if isinstance(value, int):
        raise unread("it is damaged")
    return value


def encoded(value: Value, _depth: int) -> str:
    return base64.b64encode(data_of(value, 0)).decode()


def number(value: Value, _depth: int) -> int:
    """Negative numbers are sent as their two's complement of 64 bits."""
    if isinstance(value, bytes):
        raise unread("it is damaged")
    return value - (1 << 64) if value >> 63 else value


def truth(value: Value, _depth: int) -> bool:
    return bool(number(value, 0))


def quantity(value: Value, depth: int) -> str:
    return str(message({1: Field("string", text)})(value, depth).get("string", "0"))


def int_or_string(value: Value, depth: int) -> int | str:
    fields = {1: Field("type", number), 2: Field("int", number), 3: Field("string", text)}
    found = message(fields)(value, depth)
    return str(found.get("string", "")) if found.get("type") else int(found.get("int", 0))


def text_of(name: str) -> Field:
    return Field(name, text)


def texts(name: str) -> Field:
    return Field(name, text, repeated=True)


def flag(name: str) -> Field:
    return Field(name, truth)


def given(name: str) -> Field:
    """A number that was set, though it may be zero."""
    return Field(name, number, sparse=False)


def mapping(name: str, read: Read = text) -> Field:
    entry = message({1: Field("key", text), 2: Field("value", read, sparse=False)})
    return Field(name, entry, mapped=True)


def one(name: str, fields: Message | None) -> Field:
    return Field(name, message(fields))


def many(name: str, fields: Message) -> Field:
    return Field(name, message(fields), repeated=True)


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
            raise unread("it is damaged")


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
    raise unread("it is damaged")
