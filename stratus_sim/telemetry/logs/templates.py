"""What processes write: a template per failure and per phase of life, in the words of their runtimes and drivers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stratus_sim.application.errors import REFUSED, TIMED_OUT, UPSTREAM
from stratus_sim.manifests.calls import Call

STARTING = "INFO {container} starting"
STOPPING = "INFO received SIGTERM, shutting down"
FINISHED = "INFO {container} finished"
KILLED = "Killed"
"""The shell's word on a process the kernel killed, which can write nothing itself."""
UNREADABLE = "FATAL cannot process message at offset {offset}, exiting"
BROKEN = "ERROR request failed: {error}"
REJECTED = "WARN request queue full, request rejected"
SLOW = "WARN slow request duration_ms={ms}"
SERVED = "INFO request served status={status} duration_ms={ms}"
SLOW_MS = 1_000

ENGINES: Mapping[str, tuple[str, ...]] = {
    "postgres": ("LOG:  checkpoint starting: time", "LOG:  checkpoint complete: wrote {n} buffers"),
    "mysql": ("[Note] [InnoDB] Buffer pool(s) dump completed, {n} pages",),
    "mariadb": ("[Note] InnoDB: Buffer pool(s) dump completed, {n} pages",),
    "mongo": ('I STORAGE "WiredTiger message" checkpoint snapshot min: {n}', "I NETWORK Connection ended"),
    "redis": ("* {n} changes in 60 seconds. Saving...", "* Background saving terminated with success"),
    "kafka": ("INFO [GroupMetadataManager brokerId=1] Removed {n} expired offsets",),
    "rabbitmq": ("[info] connection from client accepted ({n} open)",),
    "nats": ("[INF] Cleared {n} slow consumers",),
}
"""What servers write of themselves now and then, by engine; who is not named here writes nothing."""
_OWN_WORDS: Mapping[str, re.Pattern[str]] = {
    "postgres": re.compile(r"(?:FATAL|ERROR): .*?(?= \(SQLSTATE|$)"),
    "mysql": re.compile(r"Access denied.*|Too many connections|Lock wait timeout exceeded"),
    "mariadb": re.compile(r"Access denied.*|Too many connections|Lock wait timeout exceeded"),
    "mongo": re.compile(r"\((?:AuthenticationFailed|Unauthorized)\).*"),
}


def failed(call: Call, error: str, limit_us: int) -> str:
    """What a client writes of a call that failed."""
    level = "ERROR" if call.hard else "WARN"
    return f"{level} call to {call.target} failed: {error}{_detail(call, error, limit_us)}"


def _detail(call: Call, error: str, limit_us: int) -> str:
    where = call.target if call.port is None else f"{call.target}:{call.port}"
    if error == REFUSED:
        return f" (dial tcp {where})"
    if error == TIMED_OUT:
        return f" (waited {limit_us // 1000} ms for {where})"
    return f" ({where})" if error == UPSTREAM else ""


def complained(engine: str, error: str) -> str:
    """What a server of this engine writes itself when it turns a client away with `error`; empty for nothing."""
    words = _OWN_WORDS.get(engine)
    found = words.search(error) if words is not None else None
    return found[0] if found is not None else ""
