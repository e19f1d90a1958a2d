"""A re-enactment as text and as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from .kinds import SECOND_US, Seen
from .play import Offence
from .setting import APPLICATION
from .theatre import Reenactment

SHOWN = 14
"""Steps told after the offence."""
TOLD = {
    Offence.REFUSED: "  refused  {} under the guard; without it the step is taken",
    Offence.UNKNOWN: "  unknown  {} where there is no gap; here the step is taken",
    Offence.ALTERED: "  altered  {}: taken in both worlds, with another effect where there is no gap",
}


def lines(found: Reenactment) -> list[str]:
    """The run in both worlds, and the harm with its values."""
    faults = " and ".join(found.scene.faults) or "no fault"
    verdict = "it hurts" if found.beyond_trespass else "nobody is worse off, but somebody trespasses"
    where = f"On two simulated clusters ({APPLICATION}, {faults} standing at Deployment/geo)"
    return [
        f"{where} {verdict}. The run {_origin(found)}:",
        *(f"  given {note}" for note in found.scene.interpretation.notes),
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
        "offences": [{"step": number, "why": why.value} for number, why in found.offences.items()],
        "harms": [asdict(harm) for harm in found.harms],
        "bare": asdict(found.bare),
        "guarded": asdict(found.safe),
    }


def _origin(found: Reenactment) -> str:
    if found.shortest:
        return f"begins with the shortest run for {found.shortest}, its labels cast and an honest crew going on"
    return f"is {'an honest run that meets the step' if found.offences else 'the crew alone'}; no shortest one"


def _steps(found: Reenactment) -> Iterator[str]:
    first = found.parting
    before, after = found.told[:first], found.told[first + 1 :]
    yield f"  both     {', '.join(map(str, before)) or 'from the start'}"
    if found.offences:
        again = len(found.offences) - 1
        often = f", and {'once' if again == 1 else f'{again} times'} more" if again else ""
        yield TOLD[found.offences[first]].format(found.told[first]) + often
    rest = f", and {len(after) - SHOWN} more" if len(after) > SHOWN else ""
    yield f"  without  {', '.join(map(str, after[:SHOWN])) or 'nobody does anything more'}{rest}: {_end(found.bare)}"
    yield f"  guarded  the crew goes on: {_end(found.safe)}"


def _end(seen: Seen) -> str:
    left = f"severity {seen.severity}, untouched {seen.untouched}"
    return f"{seen.outcome} after {seen.elapsed_us // SECOND_US} s, {left}"
