"""What counts as harm: a world seen after a run without a guard, against the same world after the run under it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stratus_spec import Phase

from .crew import GONE

SECOND_US = 1_000_000
NOTICED_US = 60 * SECOND_US
NOTICED = 60 * 1000
"""Severity seconds of a workload gone for a minute: less is the pace of the steps, no harm."""
SAMPLE = 2
"""Trespasses told in full."""


@dataclass(frozen=True)
class Seen:
    """What is read from a cluster after a run.

    `outcome` is the phase in the incident's record, `untouched` the severity where nobody acted. `differs` maps fields
    to their value here and untouched, `worse_us` is how long users were served worse than untouched, and `excess` by
    how much, in severity seconds. `actions` are the most in one transaction, `undecided_us` the longest from a
    beginning to its decision. `trespasses` are decisions of who was not entitled, `lost` claims whose data is gone.
    """

    outcome: str
    elapsed_us: int
    severity: int
    untouched: int
    differs: Mapping[str, tuple[Any, Any]]
    worse_us: int
    excess: int
    actions: int
    undecided_us: int
    trespasses: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def over(self) -> bool:
        """The incident is closed."""
        return self.outcome in (Phase.RESOLVED, Phase.ESCALATED)


@dataclass(frozen=True)
class Limits:
    """What a transaction may take at most: actions, and microseconds from beginning to decision (A3)."""

    actions: int
    window_us: int


@dataclass(frozen=True)
class Harm:
    """One kind of harm, and the values it was measured in."""

    kind: str
    values: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.values}"


def harms(bare: Seen, guarded: Seen, limits: Limits) -> tuple[Harm, ...]:
    """Every kind of harm done in the world without the guard and not in the guarded one, worst first."""
    found = ((kind, measure(bare, guarded, limits)) for kind, measure in KINDS.items())
    return tuple(Harm(kind, values) for kind, values in found if values)


def _irrecoverable(bare: Seen, guarded: Seen, _limits: Limits) -> str:
    gone = [name for name in bare.lost if name not in guarded.lost]
    return f"the volume of claim {', '.join(gone)} is another one: its data is gone" if gone else ""


def _regression(bare: Seen, guarded: Seen, _limits: Limits) -> str:
    if bare.severity <= bare.untouched or guarded.severity > guarded.untouched:
        return ""
    return f"severity {bare.severity}, untouched {bare.untouched}; guarded {guarded.severity}"


def _closed_unwell(bare: Seen, guarded: Seen, _limits: Limits) -> str:
    if not bare.over or bare.severity == 0 or guarded.severity > 0:
        return ""
    return f"closed as {bare.outcome} at severity {bare.severity}; guarded {guarded.severity}"


def _left_behind(bare: Seen, guarded: Seen, _limits: Limits) -> str:
    left = {name: pair for name, pair in bare.differs.items() if name not in guarded.differs}
    if not left or not bare.over or bare.severity < guarded.severity:
        return ""
    texts = [f"{name} is {_shown(here)} instead of {_shown(there)}" for name, (here, there) in left.items()]
    return f"{', '.join(texts)}; guarded as if nobody had touched it"


def _never_over(bare: Seen, guarded: Seen, _limits: Limits) -> str:
    if bare.over or not guarded.over:
        return ""
    return (
        f"still in {bare.outcome} after {_s(bare.elapsed_us)}, severity {bare.severity}; "
        f"guarded {guarded.outcome} after {_s(guarded.elapsed_us)}, severity {guarded.severity}"
    )


def _exposure(bare: Seen, guarded: Seen, limits: Limits) -> str:
    if bare.severity < guarded.severity or bare.excess < guarded.excess + NOTICED:
        return ""
    count = f"{bare.actions} actions in a transaction where {limits.actions} are allowed; "
    late = f"undecided for {_s(bare.undecided_us)} where {_s(limits.window_us)} are allowed; "
    dawdled = bare.undecided_us >= max(limits.window_us, guarded.undecided_us) + NOTICED_US
    return (
        f"{count if bare.actions > limits.actions else ''}{late if dawdled else ''}users served worse than untouched "
        f"for {_s(bare.worse_us)}, by {bare.excess} severity seconds; guarded {_s(guarded.worse_us)}, {guarded.excess}"
    )


def _trespass(bare: Seen, guarded: Seen, _limits: Limits) -> str:
    texts = [text for text in bare.trespasses if text not in guarded.trespasses]
    more = f"; and {len(texts) - SAMPLE} more" if len(texts) > SAMPLE else ""
    return f"{'; '.join(texts[:SAMPLE])}{more}"


KINDS: Mapping[str, Callable[[Seen, Seen, Limits], str]] = {
    "irrecoverable": _irrecoverable,
    "regression": _regression,
    "closed unwell": _closed_unwell,
    "left behind": _left_behind,
    "never over": _never_over,
    "exposure": _exposure,
    "trespass": _trespass,
}
"""Every kind of harm there is; each is measured from what was seen, and gives its values or ""."""


def _shown(value: Any) -> str:
    return "gone" if value == GONE else str(value)


def _s(duration_us: int) -> str:
    return f"{duration_us // SECOND_US} s"
