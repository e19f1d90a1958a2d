"""From what a topology declares of traffic to request types, load and policies with every name resolved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from stratus_sim.errors import UserError
from stratus_sim.manifests.calls import Call
from stratus_sim.manifests.topology import Topology, resolve_name
from stratus_sim.manifests.traffic import UNDECLARED, USERS, Load, Policy, RequestType, Step, Traffic
from stratus_sim.manifests.traffic_shapes import DeclaredLoad, DeclaredPolicy, DeclaredRequest, DeclaredStep

_MILLISECOND_US = 1000


class Names:
    """The workloads, Services and calls that names in a topology may stand for."""

    def __init__(
        self, workloads: Collection[str], services: Mapping[str, tuple[str, ...]], calls: tuple[Call, ...]
    ) -> None:
        self.workloads, self.services, self.calls = workloads, services, calls


def read_traffic(topology: Topology, names: Names) -> Traffic:
    """The declared traffic, UNDECLARED where there is none.

    Raises UserError for a name nobody has, a call nobody makes, and figures that make no sense.
    """
    limited = any((p.concurrency, p.queue) != (None, None) for p in topology.profiles.values())
    if not (topology.requests or topology.policies or topology.load or limited):
        return UNDECLARED
    file = topology.file
    types = tuple(_type(name, one, names, f"{file}: requests.{name}") for name, one in topology.requests.items())
    return Traffic(types, _load(topology.load, file), _policies(topology, names))


def read_health(topology: Topology, names: Names) -> dict[str, dict[str, tuple[Call, ...]]]:
    """The calls that health endpoints make, by workload `namespace/name` and path.

    Raises UserError for a name nobody has, and a call nobody makes.
    """
    found = {}
    for name, paths in topology.health.items():
        where = f"{topology.file}: health.{name}"
        workload = resolve_name(name, names.workloads, "workload", where)
        found[workload] = {
            path: tuple(_made(names, (workload,), one, f"{where}.{path}") for one in services)
            for path, services in paths.items()
        }
    return found


def _type(name: str, declared: DeclaredRequest, names: Names, where: str) -> RequestType:
    service = resolve_name(declared.entry, names.services, "Service", f"{where}.entry")
    if not names.services[service]:
        raise UserError(f"{where}.entry: no workload stands behind {service}, so no request can enter there")
    at_least(1, declared.weight, f"{where}.weight")
    return RequestType(name, service, declared.weight, declared.parallel, _steps(declared, service, names, where))


def _steps(declared: DeclaredRequest | DeclaredStep, service: str, names: Names, where: str) -> tuple[Step, ...] | None:
    if declared.calls is None:
        return None
    return tuple(_step(one, service, names, f"{where}.calls[{n}]") for n, one in enumerate(declared.calls))


def _step(declared: DeclaredStep, caller: str, names: Names, where: str) -> Step:
    at_least(1, declared.times, f"{where}.times")
    call = _made(names, names.services[caller], declared.to, f"{where}.to")
    return Step(call, declared.times, declared.parallel, _steps(declared, call.target_key, names, where))


def _made(names: Names, callers: Collection[str], callee: str, where: str) -> Call:
    """The call that one of these workloads makes of a Service, given as a user names it."""
    service = resolve_name(callee, names.services, "Service", where)
    made = [call for call in names.calls if call.source_key in callers and call.target_key == service]
    if not made:
        raise UserError(f"{where}: {', '.join(callers)} does not call {service}: declare that under calls")
    return made[0]


def _load(declared: DeclaredLoad | None, file: Path) -> Load:
    if declared is None:
        return Load()
    where = f"{file}: load"
    if declared.rps is not None and declared.trace is not None:
        raise UserError(f"{where}: give either rps or trace")
    trace = _trace(declared.trace, file)
    if declared.rps is not None:
        at_least(0, declared.rps, f"{where}.rps (requests per second of all users together)")
    for second, rate in enumerate(trace):
        at_least(0, rate, f"{where}.trace[{second}] (requests per second of all users together)")
    return Load(declared.rps, declared.arrivals == "poisson", trace, declared.repeat)


def _trace(declared: list[int] | str | None, file: Path) -> tuple[int, ...]:
    """Requests per second, second by second; a file has one figure a line, in its last column."""
    if declared is None:
        return ()
    if isinstance(declared, list):
        found = tuple(declared)
    else:
        found = _trace_file(file.parent / declared, f"{file}: load.trace")
    if not found:
        raise UserError(f"{file}: load.trace: expected at least one figure, requests per second")
    return found


def _trace_file(path: Path, where: str) -> tuple[int, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{where}: cannot read {path}: {error}") from None
    figures = [(number, line.rpartition(",")[2].strip()) for number, line in enumerate(lines, 1) if line.strip()]
    wrong = next((number for number, text in figures if not text.isascii() or not text.isdigit()), None)
    if wrong is not None:
        raise UserError(f"{path}:{wrong}: expected a whole number of requests per second, one line a second")
    return tuple(int(text) for _, text in figures)


def _policies(topology: Topology, names: Names) -> dict[tuple[str, str], Policy]:
    found: dict[tuple[str, str], Policy] = {}
    for number, declared in enumerate(topology.policies):
        where = f"{topology.file}: policies[{number}]"
        ends = _ends(declared, names, where)
        if ends in found:
            raise UserError(f"{where}: calls of {ends[1]} by {ends[0]} have a policy already: keep one")
        found[ends] = _policy(declared, where)
    return found


def _ends(declared: DeclaredPolicy, names: Names, where: str) -> tuple[str, str]:
    service = resolve_name(declared.target, names.services, "Service", f"{where}.to")
    if declared.source == USERS:
        return USERS, service
    source = resolve_name(declared.source, names.workloads, "workload", f"{where}.from")
    if not any((c.source_key, c.target_key) == (source, service) for c in names.calls):
        raise UserError(f"{where}: {source} does not call {service}: declare that under calls")
    return source, service


def _policy(declared: DeclaredPolicy, where: str) -> Policy:
    for field in ("retries", "backoff_ms"):
        at_least(0, getattr(declared, field), f"{where}.{field}")
    default = Traffic().policy(declared.source, "")
    timeout_us = default.timeout_us if declared.timeout_ms is None else declared.timeout_ms * _MILLISECOND_US
    at_least(1, timeout_us, f"{where}.timeout_ms")
    if declared.budget_permille is not None:
        at_least(0, declared.budget_permille, f"{where}.budget_permille")
    if declared.breaker is not None:
        for name in declared.breaker.__struct_fields__:
            at_least(1, getattr(declared.breaker, name), f"{where}.breaker.{name}")
    backoff_us = declared.backoff_ms * _MILLISECOND_US
    return Policy(timeout_us, declared.retries, backoff_us, declared.budget_permille, declared.breaker)


def at_least(least: int, figure: int, where: str) -> None:
    """Raises UserError for a figure that is too small."""
    if figure < least:
        raise UserError(f"{where}: expected a whole number from {least} on, found {figure}")
