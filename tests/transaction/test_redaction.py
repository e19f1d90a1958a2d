"""What Secrets hold stays out of recordings and reports; everything else is told as it is."""

from __future__ import annotations

import pytest

from stratus_sim.cluster.configuration import ABSENT, Field, Value
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.telemetry.render import REDACTED
from stratus_sim.transaction import records as r
from stratus_sim.transaction.redaction import plain, redacted

SECRET, SETTINGS = ObjectKey("Secret", "shop", "db"), ObjectKey("ConfigMap", "shop", "db")


@pytest.mark.parametrize(
    ("field", "value", "seen"),
    [
        (Field(SECRET, ("data", "password")), "aHVudGVyMg==", REDACTED),
        (Field(SECRET, ("stringData", "password")), "hunter2", REDACTED),
        (Field(SECRET, ("metadata", "annotations", "applied")), "hunter2", REDACTED),
        (Field(SECRET, ("metadata", "labels", "app")), "db", "db"),
        (Field(SECRET, ("type",)), "Opaque", "Opaque"),
        (Field(SECRET, ("data", "password")), ABSENT, ABSENT),
        (Field(SETTINGS, ("data", "password")), "public", "public"),
        (Field(SETTINGS, ("metadata", "annotations", "applied")), "public", "public"),
    ],
)
def test_only_what_a_secret_holds_is_hidden(field: Field, value: Value, seen: Value) -> None:
    assert redacted(field, value) == seen


def test_no_record_tells_a_secret() -> None:
    write = r.Write(Field(SECRET, ("data", "password")), "before", "after")
    action = {"verb": "scale", "target": "deployment/db", "arguments": {}, "namespace": "shop"}
    for record in (
        r.Acted(action, True, (write,), "mitigator", 1),
        r.Applied((write,), "mitigator", 1),
        r.Foreign(1, "human", (write,)),
        r.Undone(("skip",), (write,), "undoer", 2),
    ):
        told = plain(record)
        assert "before" not in str(told) and "after" not in str(told) and str(told).count(REDACTED) == 2
    assert plain(r.Moved("start")) == r.to_plain(r.Moved("start"))
