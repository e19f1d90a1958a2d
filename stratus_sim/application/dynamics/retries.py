"""When clients try again: within the second or in one of those to come, by when they learn of a failure and how long
they pause.

A client that waits long for an answer that does not come loads its server later, not more at once: whether an overload
has passed by then decides whether retries keep it alive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from stratus_sim.application.dynamics.queueing import WHOLE, split
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.traffic import Policy

SOON_US = 50_000
"""Who fails faster is as good as turned away at once."""
Rounds = tuple[int, ...]
"""Thousandths of tries by how many each request has made before."""
Due = tuple[tuple[tuple[int, int, int, int], int], ...]
"""Thousandths of tries to come: by operation and place of an edge, by seconds from the next one on, and by how many
each request has made before."""


class Failing(NamedTuple):
    """The shares (ppm) of tries over a link that fail `soon`, and `late`: after `late_us` in the mean."""

    soon: int = 0
    late: int = 0
    late_us: int = 0


class Again(NamedTuple):
    """Try `number` of so many thousandths of requests, so many seconds after the one before."""

    ahead: int
    number: int
    tries: int


NEVER = Failing()


def rounds(policy: Policy, first: int, failing: Failing, due: Mapping[int, int]) -> Rounds:
    """All tries of a second in which `first` requests begin and some are `due` again, when of all tries these shares
    fail; no more of them are further ones than the policy's budget allows.

    >>> rounds(Policy(retries=2), 1000, Failing(soon=500_000), {})
    (1000, 500, 250)
    >>> rounds(Policy(retries=1, backoff_us=400_000), 1000, Failing(soon=500_000), {})
    (1000, 300)
    >>> rounds(Policy(retries=2), 1000, Failing(late=500_000, late_us=750_000), {1: 300, 2: 40})
    (1000, 425, 93)
    """
    found = [first]
    for number in range(policy.retries):
        at_once = sum([count for ahead, _, count in _again(policy, number, found[-1], failing) if not ahead])
        found.append(at_once + due.get(number + 1, 0))
    if policy.budget_permille is None:
        return tuple(found)
    allowed = first * policy.budget_permille // 1000
    return (first, *split(min(allowed, sum(found[1:])), found[1:]))


def put_off(policy: Policy, made: Rounds, failing: Failing) -> list[Again]:
    """The tries in later seconds that follow those `made` in one in which these shares failed.

    >>> put_off(Policy(retries=2, backoff_us=600_000), (1000, 100, 10), Failing(late=500_000, late_us=1_000_000))
    [Again(ahead=1, number=1, tries=200), Again(ahead=2, number=1, tries=300), Again(ahead=2, number=2, tries=40), \
Again(ahead=3, number=2, tries=10)]
    """
    found = [
        one for number, count in enumerate(made[: policy.retries]) for one in _again(policy, number, count, failing)
    ]
    return [one for one in found if one.ahead and one.tries]


def _again(policy: Policy, number: int, count: int, failing: Failing) -> Iterator[Again]:
    """The tries that follow these, made at any time of a second; each pause is twice as long as the one before."""
    pause_us = policy.backoff_us << number
    for share, after_us in ((failing.soon, pause_us), (failing.late, failing.late_us + pause_us)):
        ahead, part_us = divmod(after_us, SECOND_US)
        again = count * share // WHOLE
        later = again * part_us // SECOND_US
        yield Again(ahead, number + 1, again - later)
        yield Again(ahead + 1, number + 1, later)


def due_now(due: Due) -> dict[tuple[int, int], dict[int, int]]:
    """What is due in the next second, by operation and place and by number."""
    found: dict[tuple[int, int], dict[int, int]] = {}
    for (operation, place, ahead, number), count in due:
        if not ahead:
            found.setdefault((operation, place), {})[number] = count
    return found


def gone_by(due: Due, more: Iterable[tuple[tuple[int, int], Again]]) -> Due:
    """What is due once a second has gone by in which, by operation and place, there came `more` to put off."""
    found = Counter({(o, at, ahead - 1, number): count for (o, at, ahead, number), count in due if ahead})
    for (operation, place), (ahead, number, count) in more:
        found[operation, place, ahead - 1, number] += count
    return tuple(sorted(found.items()))
