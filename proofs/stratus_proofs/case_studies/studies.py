"""A case studied: the variant refuted by a run that hurts, the repaired machine proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stratus_spec import ANY, MACHINE, SPECIFICATION, Property, Specification

from ..harm import telling
from ..harm.search import search
from ..harm.theatre import Reenactment
from ..prover import Report, prove
from ..reachable.bounded import BOUND
from ..reachable.decoding import Trace
from ..reachable.necessity import hurting
from ..reachable.story import as_json as trace_as_json
from ..reachable.story import lines as trace_lines
from ..weakening import altered
from .catalogue import CASES, Case

PROPERTIES = SPECIFICATION.claimed(ANY)


@dataclass(frozen=True)
class Study:
    """What the tools say of a case: the transitions it changes, the obligations that fail in the variant, a shortest
    run that breaks a headline (None: none within `bound`), the harm done on the simulated cluster (None: none found),
    and the proof of the repaired machine's same transitions."""

    case: Case
    changed: tuple[str, ...]
    failing: tuple[str, ...]
    trace: Trace | None
    played: Reenactment | None
    repaired: Report
    bound: int

    @property
    def confirmed(self) -> bool:
        """The gap hurts, and its repair holds."""
        hurts = self.played is not None and self.played.beyond_trespass
        return self.trace is not None and hurts and not self.repaired.failures

    @property
    def prop(self) -> Property:
        """The property the run breaks."""
        return SPECIFICATION.prop[self.trace.prop if self.trace else ""]


def study(case: Case, bound: int = BOUND) -> Study:
    """Refute the variant and prove the repair."""
    variant = case.variant()
    names = tuple(transition.name for transition in altered(variant))
    broken = Specification(variant, PROPERTIES)
    refuted = prove(broken, transitions=names)
    known = [name for name in names if name in MACHINE.transition]
    trace = hurting(broken, bound)
    return Study(
        case=case,
        changed=names,
        failing=tuple(failure.name for failure in refuted.failures),
        trace=trace,
        played=search(variant, [trace] if trace else [], case.interpretation),
        repaired=prove(transitions=known or MACHINE.transition),
        bound=bound,
    )


def lines(found: Study) -> list[str]:
    """The study as text."""
    case = found.case
    run = trace_lines(found.trace, found.prop) if found.trace else [f"no run of up to {found.bound} steps hurts"]
    return [
        f"{case.name}: {case.title}",
        case.gap,
        f"Modelled: {case.model}",
        f"Induction fails: {', '.join(found.failing) or 'nowhere'}",
        "",
        *run,
        "",
        *_told(found),
        "",
        f"Repair: {case.repair}",
        _proved(found),
    ]


def as_json(found: Study) -> dict[str, Any]:
    """The study as plain data."""
    return {
        "case": found.case.name,
        "title": found.case.title,
        "changed": list(found.changed),
        "failing": list(found.failing),
        "trace": trace_as_json(found.trace, found.prop) if found.trace else None,
        "bound": found.bound,
        "reenacted": telling.as_json(found.played) if found.played else None,
        "repaired": {"obligations": len(found.repaired.results), "failures": [r.name for r in found.repaired.failures]},
    }


def page(found: Study) -> str:
    """The study as a Markdown page."""
    case = found.case
    run = "\n".join(trace_lines(found.trace, found.prop)) if found.trace else ""
    played = "\n".join(_told(found))
    return f"""# {case.name.upper()}: {case.title}

**The gap.** {case.gap}

**As a variant of the machine.** {case.model} Changed: {", ".join(f"`{name}`" for name in found.changed)}.
Induction fails for {", ".join(f"`{name}`" for name in found.failing)}.

**A shortest run that hurts**, among all runs of the finite scope (`stratus_proofs/reachable/finite.py`), found by
bounded model checking and executed by the interpreter:

```
{run}
```

**What it does to a cluster**, with the gap and without it:

```
{played}
```

**The repair.** {case.repair} {_proved(found)}

```
stratus prove --case {case.name}
```
"""


def _told(found: Study) -> list[str]:
    return telling.lines(found.played) if found.played else ["no harm was measured on the simulated cluster"]


def _proved(found: Study) -> str:
    failures = found.repaired.failures
    which = ", ".join(name for name in found.changed if name in MACHINE.transition) or "every transition"
    if failures:
        return f"Repaired machine, {which}: NOT proved: {', '.join(failure.name for failure in failures)}."
    return f"Repaired machine, {which}: every obligation proved."


def all_studies() -> list[Study]:
    """Every case, studied."""
    return [study(case) for case in CASES.values()]
