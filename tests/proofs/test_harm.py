"""Who drops a guard does harm, measured on the simulated cluster, and gone when the guard is back."""

import json
import re
from dataclasses import replace
from multiprocessing import get_context
from typing import NamedTuple

import pytest

from stratus_proofs.harm import kinds, telling
from stratus_proofs.harm.crew import Call
from stratus_proofs.harm.interpretation import USUAL
from stratus_proofs.harm.kinds import KINDS, Limits, Seen, harms
from stratus_proofs.harm.play import Habit, Play
from stratus_proofs.harm.recast import recasts
from stratus_proofs.harm.scenes import REPAIR, STRUCK, WRONG, Scene, scenes
from stratus_proofs.harm.search import search
from stratus_proofs.harm.theatre import Theatre
from stratus_proofs.holding import holding
from stratus_proofs.prover import Budget, failing, prove
from stratus_proofs.reachable import necessity
from stratus_proofs.reachable.bounded import shortest
from stratus_proofs.weakening import droppable, weakened
from stratus_spec import MACHINE, SPECIFICATION

ONE_OF_EACH = {
    "irrecoverable": "act.reversible",
    "regression": "skip.disowned",
    "closed unwell": "give_up.free",
    "left behind": "restore.owned",
    "never over": "reject.phase",
    "exposure": "again.no_conflict",
    "trespass": "commit.fenced",
}


def weak(name):
    return weakened(SPECIFICATION, name).machine


def with_the_guard(found):
    """The same steps told to the machine with all its guards, and what they come to."""
    theatre = Theatre(MACHINE, found.scene)
    play = Play(found.scene, theatre.guarded, theatre.guarded, [*theatre.honest[0].happened])
    offence = found.told[found.parting] if found.offences else None
    for call in found.told[: found.parting + 1] if found.offences else ():
        play.meet()
        play.tell(call)
    return offence, play, play.run()


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_each_kind_of_harm_is_measured_and_gone_when_the_guard_is_back(kind):
    found = search(weak(ONE_OF_EACH[kind]))
    assert kind in [harm.kind for harm in found.harms]
    offence, play, seen = with_the_guard(found)
    assert offence is None or offence in play.refused
    assert kind not in [harm.kind for harm in harms(seen, found.safe, found.scene.usual.limits)]


def test_every_kind_has_its_example():
    assert list(ONE_OF_EACH) == list(KINDS)


@pytest.mark.parametrize(
    "scene", list(scenes(MACHINE, USUAL)), ids=lambda scene: f"{len(scene.plan)}-{'-'.join(scene.events)}"
)
def test_a_crew_under_the_guards_does_no_harm(scene):
    play, seen = Theatre(MACHINE, scene).honest
    assert seen.over and not play.offences and not seen.trespasses and not seen.lost
    assert seen.severity <= seen.untouched
    assert harms(seen, seen, scene.usual.limits) == ()


WELL = Seen("resolved", 60, 0, 100, {"geo": (1, 0)}, 0, 0, 1, 30, (), ())
LIMITS = Limits(1, 40)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("irrecoverable", {"lost": ("reviews",)}),
        ("regression", {"severity": 200}),
        ("closed unwell", {"outcome": "escalated", "severity": 100}),
        ("left behind", {"differs": {"geo": (1, 0), "profile": (3, 2)}}),
        ("never over", {"outcome": "undo"}),
        ("exposure", {"excess": kinds.NOTICED}),
        ("trespass", {"trespasses": ("stranger took begin",)}),
    ],
)
def test_a_kind_is_told_by_what_is_seen(kind, changes):
    found = harms(replace(WELL, **changes), WELL, LIMITS)
    assert kind in [harm.kind for harm in found] and all(harm.values for harm in found)
    assert harms(replace(WELL, **changes), replace(WELL, **changes), LIMITS) == ()


def test_a_step_more_is_no_harm():
    longer = replace(WELL, excess=kinds.NOTICED - 1, worse_us=1, undecided_us=41, elapsed_us=99)
    assert harms(longer, WELL, LIMITS) == ()


def test_who_claims_an_old_token_trespasses_and_who_holds_the_lease_does_not():
    scene = Scene(STRUCK, (REPAIR,), USUAL, USUAL)
    machine = scene.interpretation.interpreter(weak("begin.fenced"), scene.setting)
    for token, count in ((1, 0), (0, 1)):
        play = Play(scene, machine, Theatre(MACHINE, scene).guarded)
        crew = (Call("start", {}), Call("localise", {"a": "detector"}), Call("acquire", {"a": "mitigator"}))
        assert all(play.tell(call) for call in (*crew, Call("begin", {"a": "mitigator", "tok": token})))
        seen = play.stage.seen(scene.interpretation.role_of)
        assert len(seen.trespasses) == count == len(play.offences)


def test_a_shortest_run_is_cast_and_carried_on():
    """In a process of its own, as the command does it: which shortest run Z3 finds depends on what it did before."""
    with get_context("spawn").Pool(1) as pool:
        names, found = pool.apply(cast_and_carried_on)
    assert found.shortest == "bounded_actions" and found.beyond_trespass
    assert [call.transition for call in found.told[: len(names)]] == names
    assert found.told[found.parting].transition == "act"


def cast_and_carried_on():
    machine = weak("act.count")
    traces = shortest(machine, (SPECIFICATION.prop["bounded_actions"],), 7)
    found = search(machine, traces.values())
    names = [step.transition for step in traces["bounded_actions"].steps]
    return names, Found(found.shortest, found.beyond_trespass, found.told, found.parting)


class Found(NamedTuple):
    """What of a re-enactment crosses from one process to another."""

    shortest: str
    beyond_trespass: bool
    told: tuple[Call, ...]
    parting: int


def test_a_run_that_the_scene_does_not_let_happen_is_not_played():
    traces = shortest(weak("localise.role"), (SPECIFICATION.prop["phase_roles"],), 2).values()
    for recast in recasts(traces, USUAL):
        assert list(Theatre(MACHINE, recast.scene).recast(recast, Habit.ONCE)) == []


def test_an_offence_is_found_only_where_a_guard_was_dropped():
    scene = Scene(STRUCK, (WRONG, REPAIR), USUAL, USUAL)
    assert list(Theatre(MACHINE, scene).met(Habit.ONCE)) == []


def test_what_is_told_has_the_offence_both_ends_and_the_values():
    found = search(weak("give_up.free"))
    text = "\n".join(telling.lines(found))
    assert "it hurts" in text and "give_up(diagnoser) under the guard" in text
    assert re.search(r"closed unwell: closed as escalated at severity [1-9]\d*; guarded 0", text)
    data = json.loads(json.dumps(telling.as_json(found)))
    assert data["harms"][0]["kind"] == "closed unwell" and data["bare"]["outcome"] == "escalated"


def test_who_only_trespasses_is_not_said_to_hurt():
    text = "\n".join(telling.lines(search(weak("all_clear.role"))))
    assert "nobody is worse off" in text and "it hurts" not in text
    assert "trespass: stranger took all_clear while the Lease named nobody" in text


def test_what_still_holds_is_proved():
    holds = holding(weakened(SPECIFICATION, "abort.holder"))
    assert holds.harmless and holds.given_up == ("phase_roles", "read_only_roles", "exclusive_writer")
    assert "still hold without it" in str(holds)


def test_what_does_not_hold_is_not_claimed():
    holds = holding(weakened(SPECIFICATION, "all_clear.healthy"))
    assert not holds.harmless and holds.given_up == ("resolved_is_healthy",) and "abort_tnr" in holds.kept


def test_what_rested_on_what_fails_is_given_up_too():
    subject = weakened(SPECIFICATION, "land.fenced")
    given_up = {*holding(subject).given_up}
    assert "commit_tnr" in given_up - failing(subject, Budget())


def test_two_commits_in_turn_show_that_severity_must_be_transitive():
    found = necessity.search(weakened(SPECIFICATION, "severity is transitive"), {"quiet_bound"}, 2)
    assert found.traces == {} and found.unreached == ()
    assert [step.transition for step in found.guided["quiet_bound"].steps].count("commit") == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", droppable(SPECIFICATION))
def test_whatever_is_dropped_hurts_or_is_proved_not_to(name):
    report = prove(without=(name,))
    subject = weakened(SPECIFICATION, name)
    traces = necessity.search(subject, {failure.prop for failure in report.failures}).traces
    found = search(subject.machine, traces.values())
    assert found is not None and found.harms
    assert found.beyond_trespass or holding(subject).harmless
