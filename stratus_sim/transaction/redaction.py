"""What Secrets hold is not for reports: neither shown nor recorded, though the journal needs it to undo."""

from __future__ import annotations

from typing import Any

import msgspec

from stratus_sim.cluster.configuration import ABSENT, Field, Value
from stratus_sim.telemetry.render import REDACTED
from stratus_sim.transaction.records import AnyRecord, Write, to_plain


def redacted(field: Field, value: Value) -> Value:
    """The value of a field as a reader may see it; annotations count, kubectl keeps the applied manifest in one."""
    holds = field.path[:1] in (("data",), ("stringData",)) or field.path[:2] == ("metadata", "annotations")
    return REDACTED if field.object.kind == "Secret" and holds and value != ABSENT else value


def plain(record: AnyRecord) -> dict[str, Any]:
    """A journal record as plain JSON for readers."""
    hidden = {
        name: tuple(
            Write(w.field, redacted(w.field, w.before), redacted(w.field, w.after)) for w in getattr(record, name)
        )
        for name in ("writes", "kept")
        if hasattr(record, name)
    }
    found: dict[str, Any] = to_plain(msgspec.structs.replace(record, **hidden))
    return found
