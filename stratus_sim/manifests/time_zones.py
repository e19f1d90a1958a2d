"""Time zones by name, with the rules of the package tzdata: what a machine brings along differs."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The zone of a name (iana.org/time-zones).

    Raises:
        ValueError: there is none of that name; the message is that of Go's package time.
    """
    if name not in _names():
        raise ValueError(f"unknown time zone {name}")
    with files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text().split())
