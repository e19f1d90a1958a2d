"""The stage: a simulated cluster on which a run is carried out, and beside it the same world nobody touches.

What happened is read from the cluster afterwards: its configuration and severity, its audit log, and the incident's
record, a ConfigMap that whoever decides something writes, with the token it claims and the Lease as it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import Any

from stratus_sim.adapters.simulated import AGENT, SimulatedCluster
from stratus_sim.cluster import api
from stratus_sim.cluster.lease import DURATION_US, Lease
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.telemetry.severity import measure
from stratus_spec import Role, State

from .crew import Call
from .kinds import SECOND_US, Seen
from .records import Record, longest_undecided, most_actions
from .setting import APPLICATION, CLAIM, FIELDS, SETTLE_US, Setting, write

STEP_US = 5 * SECOND_US
INCIDENT = ObjectKey("ConfigMap", APPLICATION, "incident")
UNRECORDED = ("environment", "server")
"""Who takes steps that are no decisions."""


class Stage:
    """Carries out the steps of one run, and watches what comes of them. Times are microseconds."""

    def __init__(self, setting: Setting) -> None:
        self.world, self.untouched, self._setting = setting.world.fork(), setting.world.fork(), setting
        self._began, self._first = self.world.now_us, self._last()
        self._written: tuple[tuple[int, str, Any], ...] = ()
        self._senders: dict[int, str] = {}
        self._worse_us = self._excess = 0

    def fork(self) -> Stage:
        """Both worlds as they are now, to go on differently."""
        twin = copy(self)
        twin.world, twin.untouched = self.world.fork(), self.untouched.fork()
        twin._senders = dict(self._senders)
        return twin

    @property
    def elapsed_us(self) -> int:
        """Time since the run began."""
        return self.world.now_us - self._began

    def carry_out(self, call: Call, actor: str, before: State, after: State) -> None:
        """Do to the cluster what the step does; `actor` is who takes such steps."""
        act = ACTS.get(call.transition)
        if act is not None:
            act(self, call, before)
        if actor not in UNRECORDED:
            self._record(call, after)
        if (before["holder"], before["token"]) != (after["holder"], after["token"]):
            self.world.cluster.lease = Lease(after["holder"], after["token"], self.world.now_us + DURATION_US)

    def wait(self, duration_us: int) -> None:
        """Let time pass in both worlds."""
        self.world.run_for(duration_us)
        above = max(0, measure(self.world).scalar - self._left_alone())
        self._worse_us += duration_us if above else 0
        self._excess += above * (duration_us // SECOND_US)

    def _left_alone(self) -> int:
        """The severity at this hour where nobody acted."""
        known, key = self._setting.left_alone, (self._written, self.elapsed_us)
        if key not in known:
            self.untouched.run_until(self.world.now_us)
            known[key] = measure(self.untouched).scalar
        return known[key]

    def seen(self, role_of: Callable[[str], Role]) -> Seen:
        """What an auditor reads from the cluster now."""
        self.untouched.run_until(self.world.now_us)
        here, there = SimulatedCluster(self.world).configuration(), SimulatedCluster(self.untouched).configuration()
        claims = [world.store.get(CLAIM) for world in (self.world, self.untouched)]
        volumes = [claim.status.volume if claim is not None and claim.status else "none" for claim in claims]
        records = list(self._records())
        return Seen(
            outcome=records[-1].phase if records else "idle",
            elapsed_us=self.elapsed_us,
            severity=measure(self.world).scalar,
            untouched=measure(self.untouched).scalar,
            differs={n: (here(f), there(f)) for n, f in FIELDS.items() if here(f) != there(f)},
            worse_us=self._worse_us,
            excess=self._excess,
            actions=most_actions(records),
            undecided_us=longest_undecided(records, self.world.now_us),
            trespasses=tuple(dict.fromkeys(str(r) for r in records if r.trespasses(role_of))),
            lost=tuple(["reviews"] if volumes[0] != volumes[1] else []),
        )

    def land(self, call: Call, before: State) -> None:
        request = call.params["i"]
        sender = self._senders.get(request, "an earlier incident")
        write(self.world, before["sent_field"][request], before["sent_value"][request], sender)

    def send(self, call: Call, before: State) -> None:
        self._senders[before["sent"]] = AGENT + call.params["a"]

    def restore(self, call: Call, before: State) -> None:
        top = before["depth"] - 1
        if before["entry_field"][top] in FIELDS:
            write(self.world, before["entry_field"][top], before["entry_before"][top], AGENT + call.params["a"])

    def foreign(self, call: Call, _before: State) -> None:
        self.untouched.run_until(self.world.now_us)
        self._written = (*self._written, (self.elapsed_us, call.params["f"], call.params["v"]))
        for world in (self.world, self.untouched):
            write(world, call.params["f"], call.params["v"], "human")

    def settle(self, _call: Call, _before: State) -> None:
        """Measuring takes the time the controllers need."""
        self.wait(SETTLE_US)

    def _last(self) -> int:
        return self.world.cluster.audit.number if self.world.cluster.audit else 0

    def _record(self, call: Call, after: State) -> None:
        lease = self.world.cluster.lease
        data = {
            "step": call.transition,
            "phase": str(after["phase"]),
            "token": str(call.params.get("tok", "")),
            "lease": f"{lease.holder} {lease.token}",
        }
        writer = AGENT + call.params["a"] if "a" in call.params else "machine"
        meta = {"name": INCIDENT.name, "namespace": INCIDENT.namespace}
        api.put(self.world, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}, writer)

    def _records(self) -> Iterator[Record]:
        for change in api.changes_since(self.world, self._first):
            if change.key == INCIDENT and change.after is not None:
                yield Record(change.time_us, change.writer.removeprefix(AGENT), **change.after["data"])


ACTS: Mapping[str, Callable[[Stage, Call, State], None]] = {
    "send": Stage.send,
    "land": Stage.land,
    "restore": Stage.restore,
    "foreign": Stage.foreign,
    "submit": Stage.settle,
}
"""Steps that touch the cluster beside the Lease and the incident's record."""
