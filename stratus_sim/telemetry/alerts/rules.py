"""Alert rules as rows, evaluated on demand.

A condition that holds makes its alert pending; one that has held for the rule's `for` makes it fire; one that has
ended makes it go, and the next time counts from anew.
Source: prometheus.io/docs/prometheus/latest/configuration/alerting_rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from stratus_sim.world import World

Level = Literal["critical", "warning", "info"]
Labels = tuple[tuple[str, str], ...]


class Symptom(NamedTuple):
    """Where a condition holds: namespace ("" for what has none), subject, the time in microseconds since which it has
    held, what more the rule's expression says of it in labels, and the expression's value."""

    namespace: str
    subject: str
    since_us: int
    labels: Labels = ()
    value: float = 1


Find = Callable[["World"], Iterator[Symptom | tuple[str, str, int]]]


class Rule(NamedTuple):
    """An alert rule: `find(world)` yields where the condition holds now and since when without a break.

    `label` is what the subject is called (pod, deployment, node, service, ...); `counts` says whether severity adds
    the alert up, or it is only there to be read. `summary` is the annotation of that name, with labels and `value` in
    braces as `str.format` has them.
    """

    name: str
    for_us: int
    severity: Level
    find: Find
    label: str = "service"
    counts: bool = False
    summary: str = ""


class Alert(NamedTuple):
    """An alert whose condition holds; `since_us` is when that began, `value` what the rule's expression comes to."""

    name: str
    namespace: str
    subject: str
    severity: Level
    since_us: int
    label: str = "service"
    more: Labels = ()
    value: float = 1
    summary: str = ""

    @property
    def annotations(self) -> dict[str, str]:
        """What it says of itself to people; a label it does not have reads as nothing."""
        told = defaultdict(str, self.labels, value=self.value)
        return {"summary": self.summary.format_map(told)} if self.summary else {}

    @property
    def shown(self) -> str:
        """The value as Prometheus' API writes it: the shortest digits that read back the same, with an exponent.

        >>> Alert("A", "", "s", "info", 0, value=0.25).shown, Alert("A", "", "s", "info", 0).shown
        ('2.5e-01', '1e+00')
        """
        short = next(d for d in range(17) if float(f"{self.value:.{d}e}") == self.value)
        return f"{self.value:.{short}e}"

    @property
    def labels(self) -> dict[str, str]:
        """Its labels as Prometheus has them."""
        home = {"namespace": self.namespace} if self.namespace else {}
        return {"alertname": self.name, **home, self.label: self.subject, **dict(self.more), "severity": self.severity}


RULES: dict[str, Rule] = {}
"""Every rule there is, by name, in the order they were registered."""


def alert_rule(
    name: str, *, for_us: int, severity: Level, label: str = "service", counts: bool = False, summary: str = ""
) -> Callable[[Find], Find]:
    """Register `function(world)`, which yields symptoms, as the rule `name`.

    Raises:
        ValueError: another rule has this name.
    """

    def add(find: Find) -> Find:
        rule = Rule(name, for_us, severity, find, label, counts, summary)
        if RULES.setdefault(name, rule) is not rule:
            raise ValueError(f"two alert rules are called {name!r}: rename one")
        return find

    return add


def firing(world: World) -> list[Alert]:
    """The alerts firing now, in order of rule and subject."""
    return [alert for rule, alert in _standing(world, RULES.values()) if _fires(world, rule, alert)]


def pending(world: World) -> list[Alert]:
    """The alerts whose condition holds, but not for long enough yet, in order of rule and subject."""
    return [alert for rule, alert in _standing(world, RULES.values()) if not _fires(world, rule, alert)]


def counted(world: World) -> int:
    """How many alerts are firing of those that severity counts."""
    rules = [rule for rule in RULES.values() if rule.counts]
    return sum(_fires(world, rule, alert) for rule, alert in _standing(world, rules))


def _standing(world: World, rules: Iterable[Rule]) -> Iterator[tuple[Rule, Alert]]:
    for rule in rules:
        for found in sorted(Symptom(*found) for found in rule.find(world)):
            namespace, subject, since_us, labels, value = found
            yield (
                rule,
                Alert(rule.name, namespace, subject, rule.severity, since_us, rule.label, labels, value, rule.summary),
            )


def _fires(world: World, rule: Rule, alert: Alert) -> bool:
    return world.now_us - alert.since_us >= rule.for_us
