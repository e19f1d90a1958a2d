"""A re-enactment as text and as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from .kinds import SECOND_US, Seen
from .reenact import APPLICATION
from .search import Reenactment

SHOWN = 14
"""Steps told after the offence."""


def lines(found: Reenactment) -> list[str]:
    """The run in both worlds, and the harm with its values."""
    faults = " and ".join(found.scene.faults) or "no fault"
    begins = (
        f"begins with the shortest run for {found.shortest}, its labels cast and an honest crew going on"
        if found.shortest
        else "is an honest run that meets the step; no shortest one"
    )
    verdict = "it hurts" if found.beyond_trespass else "nobody is worse off, but somebody trespasses"
    return [
        f"On two simulated clusters ({APPLICATION}, {faults} standing at Deployment/geo) {verdict}. The run {begins}:",
        *(f"  given {note}" for note in found.scene.reading.notes),
        *_steps(found),
        *(f"  {harm}" for harm in found.harms),
    ]


def as_json(found: Reenactment) -> dict[str, Any]:
    """The same as plain data."""
    return {
        "application": APPLICATION,
        "faults": list(found.scene.faults),
        "shortest": found.shortest,
        "steps": [str(call) for call in found.told],
        "refused under the guard": list(found.offences),
        "harms": [asdict(harm) for harm in found.harms],
        "bare": asdict(found.bare),
        "guarded": asdict(found.safe),
    }


def _steps(found: Reenactment) -> Iterator[str]:
    first = found.offences[0] if found.offences else len(found.told)
    before, after = found.told[:first], found.told[first + 1 :]
    yield f"  both     {', '.join(map(str, before)) or 'from the start'}"
    if found.offences:
        often = "" if len(found.offences) == 1 else f", and {len(found.offences) - 1} times more"
        yield f"  refused  {found.told[first]} under the guard; without it the step is taken{often}"
    rest = f", and {len(after) - SHOWN} more" if len(after) > SHOWN else ""
    yield f"  without  {', '.join(map(str, after[:SHOWN])) or 'nobody does anything more'}{rest}: {_end(found.bare)}"
    yield f"  guarded  the crew goes on: {_end(found.safe)}"


def _end(seen: Seen) -> str:
    left = f"severity {seen.severity}, untouched {seen.untouched}"
    return f"{seen.outcome} after {seen.elapsed_us // SECOND_US} s, {left}"
