"""Calling a policy: its exceptions, its nonsense and its endless loops are its failures, never a traceback of ours."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

from stratus_sim.cluster.actions import Action
from stratus_sim.telemetry.observation import Observation
from stratus_sim.testing.policy import Policy, PolicyFactory, Step, Submit, Wait

MAX_WAIT_S = 600
MAX_STEPS_AT_ONCE = 50


class PolicyFailure(Exception):
    """The policy itself went wrong: it raised, answered nonsense, or did not answer in time."""


class _Overdue(BaseException):
    """Not an Exception, so that a policy's own `except Exception` does not swallow it."""


def create(factory: PolicyFactory, seed: int, limit_s: float) -> Policy:
    """Make the policy of one episode.

    Raises:
        PolicyFailure: it could not be made.
    """
    with _watched("could not be created", limit_s):
        return factory(seed)


def ask(policy: Policy, observation: Observation, limit_s: float) -> list[Step]:
    """The policy's next steps, checked; at most `limit_s` seconds of wall time.

    Raises:
        PolicyFailure: it raised, answered nonsense, or took too long.
    """
    with _watched("raised", limit_s):
        answer = policy.act(observation)
        steps = _as_steps(answer)
    return [_checked(step) for step in steps]


def _as_steps(answer: Any) -> list[Any]:
    if answer is None:
        return [Submit()]
    if isinstance(answer, (Action, Wait, Submit)):
        return [answer]
    if isinstance(answer, Sequence) and not isinstance(answer, (str, bytes)):
        return list(answer[: MAX_STEPS_AT_ONCE + 1]) or [Submit()]
    raise PolicyFailure(f"answered {_shown(answer)}: expected an Action, Wait, Submit, a list of them, or None")


def _checked(step: Any) -> Step:
    if isinstance(step, Wait):
        if not isinstance(step.seconds, int) or not 0 < step.seconds <= MAX_WAIT_S:
            raise PolicyFailure(f"asked to wait {step.seconds!r}: expected whole seconds from 1 to {MAX_WAIT_S}")
        return step
    if isinstance(step, Action):
        if not isinstance(step.verb, str) or not isinstance(step.target, str):
            raise PolicyFailure(f"answered {_shown(step)}: verb and target of an Action are text")
        return step
    if isinstance(step, Submit):
        return step
    raise PolicyFailure(f"answered {_shown(step)}: expected an Action, Wait or Submit")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


@contextmanager
def _watched(what: str, limit_s: float) -> Iterator[None]:
    try:
        with _alarm(limit_s):
            yield
    except PolicyFailure:
        raise
    except _Overdue:
        raise PolicyFailure(f"did not answer within {limit_s:g} s of wall time") from None
    except Exception as error:  # whatever a policy raises is its failure, and is reported as such
        raise PolicyFailure(f"{what} {type(error).__name__}: {error} ({_place(error)})") from error


def _place(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{frame.filename}:{frame.lineno}"


@contextmanager
def _alarm(limit_s: float) -> Iterator[None]:
    """Interrupt the body after `limit_s`; off the main thread, where no alarm can be set, the body is trusted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def overdue(_number: int, _frame: FrameType | None) -> None:
        raise _Overdue

    previous = signal.signal(signal.SIGALRM, overdue)
    signal.setitimer(signal.ITIMER_REAL, limit_s, limit_s)  # again and again: a bare except may swallow one
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
