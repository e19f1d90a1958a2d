"""Traffic in motion from one epoch to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.application.answers import (
    Answers,
    again_us,
    ask,
    behaviours,
    is_database,
    missed_by,
    remembered,
    restless,
)
from stratus_sim.application.behaviours.registry import Behaviour
from stratus_sim.application.dynamics import load
from stratus_sim.application.dynamics.forward import Scene
from stratus_sim.application.dynamics.ground import Ground, survey
from stratus_sim.application.dynamics.ledger import Ledger, arrivals_of, book
from stratus_sim.application.dynamics.plan import Plan, plan_of
from stratus_sim.application.dynamics.policies import waiting
from stratus_sim.application.dynamics.shown import flows_of
from stratus_sim.application.dynamics.state import Motion
from stratus_sim.application.dynamics.step import Step
from stratus_sim.application.flow import Flows
from stratus_sim.application.graph import plan_of as order_of
from stratus_sim.application.routing import Router
from stratus_sim.kernel import SECOND_US

if TYPE_CHECKING:
    from stratus_sim.world import World


class Footing(NamedTuple):
    """What epochs rest on as long as the store stays at `version`. It is found again rather than sent elsewhere."""

    version: int
    ground: Ground
    behaviours: Mapping[str, Behaviour]

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        """Pickles as None: behaviours are any function, also one that cannot be pickled."""
        return type(None), ()


def advance(world: World) -> Flows:
    """Work out the epoch that ends now; its flows are restless when the next one will differ by itself."""
    traffic, plan = world.traffic, plan_of(world.application)
    traffic.ledger = _rested(world)
    step, answers, before = _step(world, plan, load.arrivals(world, plan))
    traffic.motion, traffic.last = step.motion(world.now_us), step.tally()
    traffic.ledger = book(traffic.ledger, traffic.last)
    moving = traffic.motion != before or any(map(waiting, traffic.motion.breakers))
    moving = moving or load.restless(world.application, world.now_us)
    memory = remembered(traffic.memory, answers)
    return flows_of(world.application, step, memory, restless=moving or restless(answers), again_us=again_us(answers))


def preview(world: World) -> Flows:
    """The flows of the next second if nothing else happens; nothing is counted, nothing drawn."""
    plan = plan_of(world.application)
    step, answers, _ = _step(world, plan, load.means(world, plan, world.now_us + SECOND_US))
    return flows_of(world.application, step, remembered(world.traffic.memory, answers))


def _rested(world: World) -> Ledger:
    """The ledger when the last epoch has gone by as often as it did at rest, up to the second that ends now."""
    ledger, last = world.traffic.ledger, world.traffic.last
    if last is None:
        return Ledger(until_us=world.now_us - SECOND_US)
    return book(ledger, last, max(0, world.now_us - SECOND_US - ledger.until_us) // SECOND_US)


def _step(world: World, plan: Plan, users: tuple[int, ...]) -> tuple[Step, Answers, Motion]:
    footing, motion = _footing(world, plan), world.traffic.motion
    if motion is None:
        pods = tuple(site.pods for site in footing.ground.sites)
        motion = Motion.still(len(plan.operations), len(plan.links), pods)
    answers, more = _answers(world, plan, footing)
    number = {name: index for index, name in enumerate(plan.workloads)}
    numbered = {number[name]: answer for name, answer in answers.items()}
    return Step(Scene(plan, footing.ground, numbered, more, motion), users), answers, motion


def _footing(world: World, plan: Plan) -> Footing:
    traffic = world.traffic
    if traffic.footing is None or traffic.footing.version != world.store.version or traffic.routes is None:
        router = Router(world, order_of(world.application).keys)
        traffic.footing = Footing(world.store.version, survey(world, plan, router), behaviours(world))
        traffic.routes = router.routes()
    return traffic.footing


def _answers(world: World, plan: Plan, footing: Footing) -> tuple[Answers, dict[int, int]]:
    """What behaviours answer at the rates of the last epoch, and what their misses add to calls of databases."""
    routes = world.traffic.routes
    if not footing.behaviours or routes is None:
        return {}, {}
    arrived = arrivals_of(world.traffic.last, plan)
    answers = ask(world, footing.behaviours, routes.serving, arrived, measured=True)
    return answers, _more(world, plan, footing, answers)


def _more(world: World, plan: Plan, footing: Footing, answers: Answers) -> dict[int, int]:
    """By link to a database: how many calls (thousandths) a request makes once caches have missed."""
    missed = missed_by(world.application, answers)
    if not missed:
        return {}
    databases = {name for name, behaviour in footing.behaviours.items() if is_database(behaviour)}
    return {
        number: 1000 + round(1000 * missed[link.source])
        for number, link in enumerate(plan.links)
        if link.source in missed and databases & {*world.application.services.get(link.service, ())}
    }
