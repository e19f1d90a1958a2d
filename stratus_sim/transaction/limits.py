"""What bounds a transaction, and who takes part in it."""

from __future__ import annotations

import msgspec

from stratus_sim.kernel import SECOND_US
from stratus_spec import Role


class Limits(msgspec.Struct, frozen=True):
    """The bounded risk window (A3) and the number of attempts.

    At most `actions` actions start, and the decision falls, within `window_us` of the checkpoint; `settle_us` pass
    between the last action and the measurement. `attempts` is how often a failed transaction may be tried again.
    An action may write `writes` fields.
    """

    actions: int = 20
    window_us: int = 1200 * SECOND_US
    settle_us: int = 180 * SECOND_US
    attempts: int = 3
    writes: int = 10_000


class Agents(msgspec.Struct, frozen=True):
    """The names under which the four agents act; all different and none empty."""

    detector: str = "detector"
    diagnoser: str = "diagnoser"
    mitigator: str = "mitigator"
    undoer: str = "undoer"

    def role_of(self, agent: str) -> Role:
        """What an agent may do; a stranger nothing."""
        roles = {
            self.detector: Role.DETECTOR,
            self.diagnoser: Role.DIAGNOSER,
            self.mitigator: Role.MITIGATOR,
            self.undoer: Role.UNDOER,
        }
        return roles.get(agent, Role.BYSTANDER)


LIMITS = Limits()
AGENTS = Agents()
