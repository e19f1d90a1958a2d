"""The gaps, in words: what the driver does, what of it is modelled, and what closes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stratus_spec import Machine

from ..harm.crew import GONE
from ..harm.interpretation import BOUNDS, USUAL, Interpretation
from ..harm.kinds import SECOND_US
from . import variants


@dataclass(frozen=True)
class Case:
    """A gap of the published driver. `variant` is the machine with that gap, `interpretation` what its functions and
    constants stand for on a simulated cluster; `repair` says what in ours closes it."""

    name: str
    title: str
    gap: str
    model: str
    repair: str
    variant: Callable[[], Machine]
    interpretation: Interpretation = USUAL


def _no_pod_is_unready(configuration: Mapping[str, Any], _environment: Any) -> bool:
    """What oracles that look at pods see: of a Deployment scaled to zero none is unready."""
    return bool(configuration["geo's nodeSelector"] == GONE)


CASES = {
    case.name: case
    for case in (
        Case(
            "g1", "The last attempt is kept whatever it did",
            "After the last attempt the driver submits, whatever the oracles say, and rolls nothing back.",
            "`approve.no_regression` also passes when no attempts are left (one configured keeps the run short).",
            "`approve.no_regression` for every attempt; what fails it can only be undone (`reject`), then `escalate`.",
            variants.last_attempt_stands,
            Interpretation({**BOUNDS, "max_attempts": 0}),
        ),
        Case(
            "g2", "No severity is ever computed",
            "A commit needs all oracles to pass. They say healthy or not; how unwell the system is is "
            "never computed. A silently worse state commits, a better one that is not yet healthy is undone.",
            "`approve.no_regression` asks `healthy(c, e)` instead of comparing severities.",
            "`approve.no_regression`: severity with the transaction against severity without it, at the same instant.",
            variants.oracles_instead_of_severity,
            Interpretation(BOUNDS, {"healthy": _no_pod_is_unready}, remarks=("oracles see unready pods",)),
        ),
        Case(
            "g3", "The oracle looks at another namespace",
            "The cluster oracle is called without a namespace and inspects `default`, not the application's.",
            "`resolve.healthy` asks `elsewhere(e)`, which does not depend on the configuration.",
            "`resolve.healthy` measures the configuration and environment the agents work on.",
            variants.wrong_namespace,
            Interpretation(BOUNDS, {"elsewhere": lambda _e: True}, remarks=("all is well elsewhere",)),
        ),
        Case(
            "g4", "The alert oracle fails open",
            "A query that fails, times out or cannot be parsed counts as silence: no alerts, so the check passes.",
            "`approve.no_regression` also passes when the monitoring does not answer (`answers(e)` is false).",
            "`approve.no_regression` without the exception: what was not measured is not approved.",
            variants.fails_open,
            Interpretation(BOUNDS, {"answers": lambda _e: False}, remarks=("the monitoring does not answer",)),
        ),
        Case(
            "g5", "Some commands leave no undo record",
            "A command that rejects `--dry-run` (`rollout restart`, `exec`, `certificate`) is run with nothing pushed "
            "on the undo stack.",
            "`send.journaled` also passes for actions that do not dry-run.",
            "`send.journaled`: no write before its before-image is durable; what has none is refused "
            "(`act.reversible`).",
            variants.no_undo_record,
            Interpretation(BOUNDS, {"dry_runs": lambda _x: False}, remarks=("no action dry-runs",)),
        ),
        Case(
            "g6", "Undo counts rounds, not writes",
            "Parallel tool calls in one message overwrite each other's update, so several writes add one to the number "
            "of commands to undo.",
            "`rounds` counts actions, each of which may write several fields; `pop` lowers it and `abort` is satisfied "
            "when it is zero.",
            "`abort.empty`: the journal itself, not a count kept beside it, says when undo is done.",
            variants.counts_rounds,
        ),
        Case(
            "g7", "A call is retried after a broken connection",
            "The client repeats a call whose connection broke. The command may have run already: it runs twice.",
            "`land.unchanged` also passes for a request that was applied once before.",
            "`land.unchanged`: a request names the version it was computed from, so that it applies once at most.",
            variants.runs_twice,
        ),
        Case(
            "g8", "An undo record is dropped before it is applied",
            "Undo pops the record and then applies it. An error is returned as text, and the driver goes on.",
            "`pop` without `pop.restored`: an entry may go while its field still differs.",
            "`pop.restored`: an entry goes only when its field holds the before-image, so undo can be repeated.",
            variants.pops_first,
        ),
        Case(
            "g9", "Undo does not remove what was added",
            "Undo is `kubectl apply` of the saved object without its last-applied annotation: fields and environment "
            "variables the agent added stay.",
            "`restore` skips entries whose before-image is `absent`, and `pop` takes them for restored.",
            "`restore.differs` and `pop.restored` treat absence like any other value.",
            variants.keeps_added_fields,
            Interpretation({**BOUNDS, "absent": GONE}),
        ),
        Case(
            "g10", "The undo stack expires",
            "The stack lives in a session cache and is deleted after ten minutes without use.",
            "A step of the environment, `evict`, empties the journal of an open transaction after `ttl_us`, longer "
            "than the window.",
            "There is no such step: the journal is durable and ends with its transaction.",
            variants.forgets_the_stack,
            Interpretation({**BOUNDS, "ttl_us": 600 * SECOND_US}, remarks=("the stack is kept for 600 s",)),
        ),
        Case(
            "g11", "Others write too",
            "Exclusivity covers the agents. Controllers, autoscalers, people and the benchmark write as well, and undo "
            "puts back whole saved objects over them.",
            "`foreign` does not disown the field it writes.",
            "`foreign` disowns the field, `restore.owned` leaves it alone and `skip` records the conflict.",
            variants.ignores_others,
        ),
    )
}  # fmt: skip
