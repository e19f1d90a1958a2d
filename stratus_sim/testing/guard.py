"""Calling a policy: its exceptions, its nonsense and its endless loops are its failures, never a traceback of ours.

What a policy does to this process (exits, prints, changes the folder) ends here as well. It is no sandbox: code
that kills the process or patches modules is not held.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from stratus_sim.cluster.actions import Action
from stratus_sim.telemetry.observation import Observation
from stratus_sim.testing.policy import Policy, PolicyFactory, Step, Submit, Unavailable, Wait

MAX_WAIT_S = 600
MAX_STEPS_AT_ONCE = 50
MAX_ACTION_BYTES = 1_500_000
"""The largest request etcd takes (`--max-request-bytes`, 1.5 MiB)."""
MAX_NESTING = 64
PATIENCE = 3
"""How many interrupts a policy may swallow before the process ends."""


Answered = TypeVar("Answered", bool, str)


class PolicyFailure(Exception):
    """The policy itself went wrong: it raised, answered nonsense, or did not answer in time."""


class _Overdue(BaseException):
    """Not an Exception, so that a policy's own `except Exception` does not swallow it."""


def create(factory: PolicyFactory, seed: int, limit_s: float) -> Policy:
    """Make the policy of one episode.

    Raises:
        PolicyFailure: it could not be made.
        Unavailable: something it needs is not there.
    """
    with _watched("could not be created", limit_s):
        return factory(seed)


def ask(policy: Policy, observation: Observation, limit_s: float) -> list[Step]:
    """The policy's next steps, checked; at most `limit_s` seconds of wall time.

    Raises:
        PolicyFailure: it raised, answered nonsense, or took too long.
    """
    with _watched("raised", limit_s):
        return [_checked(step) for step in _as_steps(policy.act(observation))]


def consult(
    hook: Callable[[Observation], Any], observation: Observation, expected: type[Answered], limit_s: float
) -> Answered | Wait:
    """What a detector or a diagnoser says, checked, or that it wants to wait; raises as `ask`."""
    with _watched("raised", limit_s):
        found = hook(observation)
    if isinstance(found, expected):
        return found
    waits = _checked(found)
    if isinstance(waits, Wait):
        return waits
    raise PolicyFailure(f"answered a {type(found).__name__}: expected a {expected.__name__} or Wait")


def _as_steps(answer: Any) -> list[Any]:
    if answer is None:
        return [Submit()]
    if isinstance(answer, (Action, Wait, Submit)):
        return [answer]
    if isinstance(answer, Sequence) and not isinstance(answer, (str, bytes)):
        return _few(list(answer[: MAX_STEPS_AT_ONCE + 1])) or [Submit()]
    raise PolicyFailure(f"answered a {type(answer).__name__}: expected an Action, Wait, Submit, a list, or None")


def _few(steps: list[Any]) -> list[Any]:
    if len(steps) > MAX_STEPS_AT_ONCE:
        raise PolicyFailure(f"answered more than {MAX_STEPS_AT_ONCE} steps at once: expected the next few")
    return steps


def _checked(step: Any) -> Step:
    if isinstance(step, Wait):
        if not isinstance(step.seconds, int) or not 0 < step.seconds <= MAX_WAIT_S:
            raise PolicyFailure(f"asked to wait {step.seconds!r}: expected whole seconds from 1 to {MAX_WAIT_S}")
        return step
    if isinstance(step, Action):
        return _plain(step)
    if isinstance(step, Submit):
        return Submit(_text(str(step.reason)))
    raise PolicyFailure(f"answered a {type(step).__name__}: expected an Action, Wait or Submit")


def _plain(action: Action) -> Action:
    """A copy in plain JSON: what is carried out is what is journaled, and the policy cannot change it afterwards."""
    if not isinstance(action.verb, str) or not isinstance(action.target, str):
        raise PolicyFailure(f"answered Action({action.verb!r}, {action.target!r}): both are text")
    try:
        text = json.dumps(action.to_json(), allow_nan=False, ensure_ascii=False).encode()
        copied = Action.from_json(json.loads(text, parse_int=_int64))
    except (TypeError, ValueError, RecursionError) as error:
        raise PolicyFailure(f"answered {action.verb} {action.target} with what is no JSON: {error}") from None
    if len(text) > MAX_ACTION_BYTES or _nesting(copied.arguments) > MAX_NESTING:
        limits = f"{MAX_ACTION_BYTES} bytes, {MAX_NESTING} levels"
        raise PolicyFailure(f"answered {action.verb} {action.target} with too much: an action has at most {limits}")
    return copied


def _int64(digits: str) -> int:
    number = int(digits)
    if not -(2**63) <= number < 2**63:
        raise ValueError("a number of more than 64 bits")
    return number


def _nesting(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_nesting, inner), default=0)


def _text(said: str) -> str:
    """Text that can be written to a file and is the same in every run: no memory addresses, no lone surrogates."""
    return re.sub(r"\b0x[0-9a-f]{6,}", "0x...", said).encode(errors="replace").decode()


@contextmanager
def _watched(what: str, limit_s: float) -> Iterator[None]:
    try:
        with _alarm(limit_s), redirect_stdout(sys.stderr), chdir(Path.cwd()):
            yield
    except (PolicyFailure, Unavailable, KeyboardInterrupt):
        raise
    except _Overdue:
        raise PolicyFailure(f"did not answer within {limit_s:g} s of wall time") from None
    except BaseException as error:  # whatever a policy raises, SystemExit too, is its failure and is reported as such
        raise PolicyFailure(f"{what} {type(error).__name__}: {_message(error)} ({_place(error)})") from error


def _message(error: BaseException) -> str:
    try:
        return _text(str(error))
    except Exception:  # noqa: BLE001 # its __str__ is the policy's code as well
        return "no message"


def _place(error: BaseException) -> str:
    """The innermost line that is no library's; file names only, so that recordings are the same in every folder."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if Path(f.filename).is_file() and not f.filename.startswith(_LIBRARIES)]
    last = own[-1] if own else frames[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


_LIBRARIES = (str(Path(os.__file__).parent), sys.prefix)


@contextmanager
def _alarm(limit_s: float) -> Iterator[None]:
    """Interrupt the body after `limit_s`; off the main thread, where no alarm can be set, the body is trusted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    swallowed = iter(range(PATIENCE))

    def overdue(_number: int, frame: FrameType | None) -> None:
        if next(swallowed, None) is None:
            _end(frame)
        raise _Overdue

    previous = signal.signal(signal.SIGALRM, overdue)
    signal.setitimer(signal.ITIMER_REAL, limit_s, limit_s)  # again and again: a bare except may swallow one
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _end(frame: FrameType | None) -> None:
    """Nothing raised here gets past a loop around a bare `except`: all that is left is to end the process."""
    place = f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame else "?"
    print(f"stratus: the policy does not answer and swallows every interrupt ({place})", file=sys.stderr, flush=True)
    os._exit(1)
