"""Which pods are which lane, from epoch to epoch: a pod keeps its queue, and takes it along when it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from stratus_sim.application.answers import Pods
from stratus_sim.application.dynamics.course import Course
from stratus_sim.application.dynamics.durations import class_us
from stratus_sim.application.dynamics.ground import Ground, Site, ground_of
from stratus_sim.application.dynamics.islands import Island
from stratus_sim.application.dynamics.lanes import Wide, widen
from stratus_sim.application.dynamics.retries import Due
from stratus_sim.application.dynamics.state import Crews, Motion, Sparse
from stratus_sim.application.flow import Crew
from stratus_sim.application.routes import Lane


class Part(NamedTuple):
    """So many pods of a lane, `of` all it had."""

    lane: int
    pods: int
    of: int


Parts = Mapping[int, Sequence[Sequence[Part]]]
"""By workload and lane what it is made of; lanes of others are what they were."""

Sources = Mapping[int, Sequence[tuple[int, Part]]]
"""By operation of a lane the operations of lanes before that it goes on with, and the parts of their pods it has."""
_NOBODY = Part(0, 0, 1)
"""What those who are new have of a lane before: they only go on as it did."""


def lined_up(island: Island, ground: Ground, course: Course, standing: Pods) -> tuple[Ground, Course]:
    """The ground and course of an island with its pods in lanes by how they work and, where requests wait, by how many
    do for each: who comes new does not take over what others were left with."""
    known, waiting = dict(course.crews), queued(island, course)
    sites, crews, parts = list(ground.lanes), dict[int, tuple[Crew, ...]](), dict[int, list[list[Part]]]()
    for number in sorted({*known, *waiting, *[n for n, of in enumerate(ground.lanes) if len(of) > 1]}):
        lanes = standing[island.names[number]].lanes
        before = known.get(number) or (_everyone(lanes),)
        sites[number], crews[number] = _lanes(lanes, sites[number], _depths(before, waiting.get(number, ())))
        parts[number] = [_made_of(crew, before) for crew in crews[number]]
    lined = ground_of(island.shape, tuple(sites), ground.landed)
    if tuple(crews.items()) == course.crews:
        return lined, course
    motion = _carried(island, course, lined.wide, parts)
    return lined, replace(course, motion=motion, crews=tuple(crews.items()))


def known_again(island: Island, ground: Ground, course: Course, standing: Pods) -> Course:
    """The course with the pods of lanes after an epoch: where there are several, or requests wait."""
    known, operations = dict(course.crews), ground.wide.shape.operations
    waiting = {operations[operation].workload for operation, _ in course.motion.queues}
    crews = tuple(
        [
            (number, known.get(number) or (_everyone(standing[island.names[number]].lanes),))
            for number, lanes in enumerate(ground.wide.workloads)
            if len(lanes) > 1 or not waiting.isdisjoint(lanes)
        ]
    )
    return course if crews == course.crews else replace(course, crews=crews)


def pooled(island: Island, course: Course) -> Motion:
    """What an island leaves to the next epoch, as if the pods of each workload had been one lane."""
    parts = {number: [[Part(lane, 1, 1) for lane in range(len(of))]] for number, of in course.crews}
    return _carried(island, course, _wide(island, ()), parts)


def queued(island: Island, course: Course) -> dict[int, list[int]]:
    """By workload for which requests wait, how many (thousandths) do in each of its lanes."""
    if not course.motion.queues:
        return {}
    wide, queues = _wide(island, course.crews), dict(course.motion.queues)
    found = [[sum([queues.get(o, 0) for o in wide.shape.siblings[lane]]) for lane in of] for of in wide.workloads]
    return {number: of for number, of in enumerate(found) if any(of)}


def _wide(island: Island, crews: Crews) -> Wide:
    lanes = [1] * len(island.names)
    for number, of in crews:
        lanes[number] = len(of)
    return widen(island.shape, tuple(lanes))


def _everyone(lanes: Sequence[Lane]) -> Crew:
    return frozenset([pod.uid for lane in lanes for pod in lane.pods])


def _depths(crews: Sequence[Crew], waiting: Sequence[int]) -> dict[int, int]:
    """By pod how many requests wait for it, or about as many as for others."""
    each = [(crew, class_us(depth // len(crew))) for crew, depth in zip(crews, waiting, strict=False) if crew]
    return {uid: depth for crew, depth in each for uid in crew}


def _lanes(
    lanes: Sequence[Lane], sites: Sequence[Site], depths: Mapping[int, int]
) -> tuple[tuple[Site, ...], tuple[Crew, ...]]:
    """Lanes by how pods work, parted by how many requests wait for each: their sites and crews."""
    found: list[tuple[Site, Crew]] = []
    for lane, site in zip(lanes, sites, strict=True):
        alike: dict[int, list[int]] = {} if lane.pods else {0: []}
        for pod in lane.pods:
            alike.setdefault(depths.get(pod.uid, 0), []).append(pod.uid)
        found += [(site.part(len(uids)), frozenset(uids)) for _, uids in sorted(alike.items())]
    return tuple([site for site, _ in found]), tuple([crew for _, crew in found])


def _made_of(crew: Crew, before: Sequence[Crew]) -> list[Part]:
    shared = [(lane, len(crew & of), len(of)) for lane, of in enumerate(before)]
    return [Part(lane, pods, of) for lane, pods, of in shared if pods]


def _carried(island: Island, course: Course, now: Wide, parts: Parts) -> Motion:
    """Motion by numbers of another wide shape, whose lanes are made of these parts of the lanes before."""
    motion, before = course.motion, _wide(island, course.crews)
    sources = _sources(island, before, now, parts)
    first = {new: of[0][0] for new, of in sources.items()}
    queues, busy_us = _shared(motion.queues, sources), dict(motion.busy_us)
    passing = [((new, at), share) for new, old in first.items() for (o, at), share in motion.passing if o == old]
    return motion._replace(
        queues=queues,
        demand=_shared(motion.demand, sources),
        busy_us=tuple([(new, busy_us[old]) for new, old in first.items() if old in busy_us]),
        passing=tuple(passing),
        due=_taken_along(motion.due, sources) if motion.due else (),
        lost=_lost(before, motion.queues, now, queues),
    )


def _sources(island: Island, before: Wide, now: Wide, parts: Parts) -> Sources:
    found: dict[int, list[tuple[int, Part]]] = {}
    for operation, old, new in zip(island.shape.operations, before.operations, now.operations, strict=True):
        made = parts.get(operation.workload) or [[Part(lane, 1, 1)] for lane in range(len(old))]
        for number, of in zip(new, made, strict=True):
            found[number] = [(old[part.lane], part) for part in of] or [(old[0], _NOBODY)]
    return found


def _lost(before: Wide, queues: Sparse, now: Wide, kept: Sparse) -> Sparse:
    """What waited for pods that are gone, put down to the first lane there is now."""
    waited, waits = dict(queues), dict(kept)
    found = [
        (new[0], sum([waited.get(o, 0) for o in old]) - sum([waits.get(o, 0) for o in new]))
        for old, new in zip(before.operations, now.operations, strict=True)
    ]
    return tuple([(operation, count) for operation, count in found if count])


def _taken_along(due: Due, sources: Sources) -> Due:
    """Tries to come, as clients take them along."""
    found = Counter[tuple[int, int, int, int]]()
    for new, old, part in [(new, old, part) for new, of in sources.items() for old, part in of]:
        mine = {(new, at, ahead, n): count for (o, at, ahead, n), count in due if o == old}
        found.update({key: count * part.pods // part.of for key, count in mine.items()})
    return tuple([(at, count) for at, count in sorted(found.items()) if count])


def _shared(figures: Sparse, sources: Sources) -> Sparse:
    """Figures of lanes as their pods take them along."""
    known = dict(figures)
    found = [(new, sum([known.get(o, 0) * part.pods // part.of for o, part in of])) for new, of in sources.items()]
    return tuple([(new, figure) for new, figure in found if figure])
