"""One situation a policy is tried in, as data: everything that decides what happens, and nothing else."""

from __future__ import annotations

from typing import Literal

import msgspec


class Disruption(msgspec.Struct, frozen=True):
    """What goes wrong with the agents themselves while a transaction is open.

    `crash`: the process dies at the `at`-th write to the journal (counted from 0) and recovery follows. `rival`: the
    lease runs out during the `at`-th action; another agent takes over and undoes, then the slow one goes on.
    """

    kind: Literal["crash", "rival"]
    at: int


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds count from the moment the application stands. `load_permille` scales the default request rate.

    `target` is `Kind/name` or `namespace/name`; a fault with `fault_for_s` ends by itself. Of the policy's actions only
    those numbered in `actions` (from 0) are carried out, all for None: that is how a smallest case says what it takes.
    `noise` makes transient disturbances in the background (`stratus_sim.faults.noise`).
    """

    fault: str
    target: str
    fault_at_s: int = 0
    fault_for_s: int | None = None
    load_permille: int = 1000
    seed: int = 0
    disruption: Disruption | None = None
    actions: tuple[int, ...] | None = None
    noise: bool | msgspec.UnsetType = msgspec.UNSET  # where there is none, recordings do not speak of it

    def __str__(self) -> str:
        words = [f"{self.fault} on {self.target} at {self.fault_at_s} s"]
        if self.fault_for_s is not None:
            words.append(f"for {self.fault_for_s} s")
        words.append(f"load {self.load_permille / 10:g} %, seed {self.seed}")
        if self.disruption is not None:
            words.append(f"{self.disruption.kind} at {self.disruption.at}")
        if self.noise:
            words.append("noise")
        return ", ".join(words)
