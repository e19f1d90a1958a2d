"""Protobuf bodies: read in full, or refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.serve.answers import Answer, Refusal, Request
from stratus_sim.serve.protobuf import MEDIA_TYPE, decode
from stratus_sim.serve.service import Service
from stratus_sim.world import World


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def message(*fields: tuple[int, Any]) -> bytes:
    """A message of numbers, texts and messages."""
    found = b""
    for number, value in fields:
        if isinstance(value, int):
            found += varint(number << 3) + varint(value & (1 << 64) - 1)
        else:
            data = value.encode() if isinstance(value, str) else value
            found += varint(number << 3 | 2) + varint(len(data)) + data
    return found


def body(kind: str, *fields: tuple[int, Any], version: str = "v1") -> bytes:
    return b"k8s\0" + message((1, message((1, version), (2, kind))), (2, message(*fields)))


def config_map(*fields: tuple[int, Any]) -> bytes:
    return body("ConfigMap", (1, message((1, "m"), (8, message()))), *fields)


def test_an_object_is_read() -> None:
    pair = message((1, "a"), (2, "b"))
    expected = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}}
    assert decode(config_map((2, pair), (4, 1))) == {**expected, "data": {"a": "b"}, "immutable": True}
    assert decode(config_map((2, message((1, "a"))), (4, 0))) == {**expected, "data": {"a": ""}}
    options = body("DeleteOptions", (1, 0), (2, message((2, "7"))), (5, "All"))
    content = {"gracePeriodSeconds": 0, "preconditions": {"resourceVersion": "7"}, "dryRun": ["All"]}
    assert decode(options) == {"apiVersion": "v1", "kind": "DeleteOptions", **content}


def test_negative_numbers_are_negative() -> None:
    assert decode(body("DeleteOptions", (1, -1)))["gracePeriodSeconds"] == -1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"k8s\0",
        b'{"kind": "ConfigMap"}',
        body("Lease"),
        body("Job", (2, message((16, message((1, "a")))))),
        body("Ingress", (2, message((3, message((9, "a")))))),
        config_map((9, 1)),
        config_map((2, 7)),
        config_map((4, "text")),
        config_map((2, message((1, b"\xff")))),
        config_map((2, message((1, "a"), (2, "b"))))[:-1],
        config_map() + b"\x80",
        config_map() + b"\x0d1234",
        body("Eviction", (2, message((6, "All")))),
    ],
)
def test_what_is_not_read_in_full_is_refused(data: bytes) -> None:
    with pytest.raises(Refusal, match=r"not every protobuf body.*kubectl apply -f") as refused:
        decode(data)
    assert refused.value.code == 415


@given(st.binary(max_size=60), st.sampled_from(["ConfigMap", "Deployment", "Eviction", "DeleteOptions"]))
def test_no_bytes_break_it(data: bytes, kind: str) -> None:
    for whole in (b"k8s\0" + data, b"k8s\0" + message((1, message((2, kind))), (2, data))):
        try:
            assert isinstance(decode(whole), dict)
        except Refusal as refusal:
            assert refusal.code == 415


def test_a_dry_run_in_an_eviction_is_heeded(hotel: World) -> None:
    """In the body it is at its deepest; `kubectl drain --dry-run=server` puts it there."""
    pod = next(found for found in hotel.store.list("Pod") if "geo" in found.key.name)
    path = ("api", "v1", "namespaces", "hotel", "pods", pod.key.name, "eviction")

    def evict(*options: tuple[int, Any]) -> int:
        data = body("Eviction", (1, message((1, pod.key.name))), (2, message(*options)), version="policy/v1")
        answer = Service(hotel).handle(Request("POST", path, {}, {"content-type": MEDIA_TYPE}, data))
        assert isinstance(answer, Answer)
        return answer.code

    assert evict((5, "All")) == 201
    assert evict((5, "al")) == 400
    assert evict((2, message((1, "another-uid")))) == 409
    found = hotel.store.get(ObjectKey("Pod", "hotel", pod.key.name))
    assert found is not None and not found.deleting
    assert evict() == 201
    found = hotel.store.get(ObjectKey("Pod", "hotel", pod.key.name))
    assert found is None or found.deleting
