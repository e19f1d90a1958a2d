"""A message queue: each consumer is behind by what was produced and it has not taken yet, and takes it in order.

Who calls the queue and is called by nobody consumes; the others produce one message with each call that succeeds. A
message that its consumer dies of is delivered again as long as it is at the head (kafka.apache.org/documentation,
"Message Delivery Semantics": the offset is committed after processing; rabbitmq.com/docs/confirms, "Automatic
Requeueing").
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from stratus_sim.application.behaviours.accounts import data_of
from stratus_sim.application.behaviours.database import Server
from stratus_sim.application.behaviours.flags import value_of
from stratus_sim.application.behaviours.images import software
from stratus_sim.application.behaviours.registry import Caller, Offered, Served, behaviour
from stratus_sim.cluster.specs import usable_millicores
from stratus_sim.kernel import SECOND_US
from stratus_sim.manifests.application import Application

if TYPE_CHECKING:
    from stratus_sim.world import World

FLOODED = "kafkaQueueProblems"
"""A flag of the OpenTelemetry demo: its value is how many more messages a producer sends for each."""
_UNREADABLE = {
    "kafka": "failed to process message: partition=0 offset={offset}: proto: cannot parse invalid wire-format data",
    "rabbitmq": "failed to process message: delivery_tag={offset} redelivered=true: unexpected end of input",
    "nats": "failed to process message: stream_seq={offset} num_delivered>1: unexpected end of input",
}


class Backlog(NamedTuple):
    """What one consumer (`namespace/name`) is behind by at `since_us`, and what it had taken by then, in thousandths.

    Until something changes it can take `taking` a second, which makes it be behind by `growth` more; less if negative,
    until it has caught up. It cannot get past `poison`.
    """

    consumer: str
    since_us: int
    behind: int = 0
    growth: int = 0
    taken: int = 0
    taking: int = 0
    poison: bool = False

    def at(self, now_us: int) -> Backlog:
        """The same at a later instant; who has caught up takes no more than there is."""
        elapsed_us = now_us - self.since_us
        behind = self.behind + self.growth * elapsed_us // 1_000_000
        taken = self.taken + self.taking * elapsed_us // 1_000_000 + min(0, behind)
        return self._replace(behind=max(0, behind), taken=taken, since_us=now_us)


class Queue(NamedTuple):
    """A broker's data and who is how far behind; data that is lost takes the messages with it."""

    data: tuple[str, ...]
    backlogs: tuple[Backlog, ...] = ()


@behaviour("queue")
def queue(world: World, offered: Offered, memory: Queue | None) -> Served:
    """Producers are answered at once; consumers work off what is there at the rate their CPU allows."""
    if not offered.pods:
        return Served(memory=_halted(world, memory))
    engine = software(offered.pods[0].manifest, offered.workload.container).engine or "kafka"
    data = data_of(world, offered.pods[0], offered.workload.container, engine)
    kept = {b.consumer: b for b in memory.backlogs} if memory is not None and memory.data == data else {}
    called = _called(world.application)
    arriving = sum(c.rate for c in offered.callers) * (1 + int(value_of(world, offered.callers, FLOODED)))
    backlogs = tuple(_after(world, kept, c, arriving) for c in offered.callers if c.call.source_key not in called)
    stuck = {b.consumer: b.at(world.now_us).taken // 1000 for b in backlogs if b.poison}
    poisoned = {consumer: _UNREADABLE[engine].format(offset=offset) for consumer, offset in stuck.items()}
    return Served(refused={consumer: {text: 1.0} for consumer, text in poisoned.items()}, memory=Queue(data, backlogs))


def _halted(world: World, memory: Queue | None) -> Queue | None:
    """A broker that does not run takes no message and hands none out."""
    if memory is None or not any(b.growth or b.taking for b in memory.backlogs):
        return memory
    halted = [b.at(world.now_us)._replace(growth=0, taking=0) for b in memory.backlogs]
    return memory._replace(backlogs=tuple(halted))


def lags(world: World) -> dict[tuple[str, str], int]:
    """Messages not yet consumed by (queue, consumer), both `namespace/name`, as exporters of consumer lag show them."""
    found = {name: memory for name, memory in sorted(world.traffic.memory.items()) if isinstance(memory, Queue)}
    return {
        (name, b.consumer): b.at(world.now_us).behind // 1000 for name, memory in found.items() for b in memory.backlogs
    }


@lru_cache(maxsize=64)
def _called(application: Application) -> frozenset[str]:
    """Workloads that get requests from somebody."""
    services = [*application.entrypoints, *(call.target_key for call in application.calls)]
    return frozenset(name for service in services for name in application.services.get(service, ()))


def _after(world: World, kept: dict[str, Backlog], caller: Caller, arriving: int) -> Backlog:
    """A consumer's backlog now, and how it goes on."""
    name = caller.call.source_key
    old = kept.get(name) or Backlog(name, world.now_us)
    room = 0 if old.poison or _turned_away(world, name) else _capacity(world, caller)
    if (old.growth, old.taking) == (arriving - room, room):
        return old  # not counted anew, so that it stays the same however often somebody looks
    return old.at(world.now_us)._replace(growth=arriving - room, taking=room)


def _turned_away(world: World, consumer: str) -> bool:
    """Whether a database the consumer cannot do without lets none of its pods in: then it acknowledges no message."""
    application, memory = world.application, world.traffic.memory
    needed = [call.target_key for call in application.calls_from(consumer) if call.hard]
    servers = [memory.get(workload) for service in needed for workload in application.services.get(service, ())]
    return any(isinstance(server, Server) and consumer in server.refusing for server in servers)


def _capacity(world: World, caller: Caller) -> int:
    """Thousandths of messages a second that the serving pods of a consumer can take: as CPU allows, and so many at once
    as it works on."""
    consumer = world.application.workloads[caller.call.source_key]
    room = sum(usable_millicores(pod.spec) for pod in caller.pods) * 1_000_000 // max(1, consumer.cpu_us_per_request)
    if consumer.concurrency is None or not consumer.latency_us:
        return room
    return min(room, 1000 * len(caller.pods) * consumer.concurrency * SECOND_US // consumer.latency_us)
