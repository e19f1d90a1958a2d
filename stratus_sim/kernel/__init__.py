"""The clock, the timers and the luck of a world: everything that is not about clusters."""

from stratus_sim.kernel.engine import Kernel, KernelState
from stratus_sim.kernel.log import Event, Log
from stratus_sim.kernel.registry import handler
from stratus_sim.kernel.timers import SECOND_US, Timer

__all__ = ["SECOND_US", "Event", "Kernel", "KernelState", "Log", "Timer", "handler"]
