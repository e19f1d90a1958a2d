"""The traffic a topology declares, and how the mistakes in it are told."""

from __future__ import annotations

import pytest

from stratus_sim.errors import UserError
from stratus_sim.manifests.traffic import UNDECLARED, BreakerRule, Load, Policy
from tests.manifests.declared import Write, assert_told, described

GOOD = """
requests:
  look: {entry: frontend, weight: 9, parallel: true, calls: [{to: search, calls: [{to: geo, times: 2, calls: []}]}, {to: profile}]}
  book: {entry: frontend}
load: {rps: 100, arrivals: poisson}
policies:
  - {from: frontend, to: search, timeout_ms: 250, retries: 2, backoff_ms: 40, budget_permille: 100, breaker: {open_s: 7}}
  - {from: users, to: frontend, timeout_ms: 5000}
profiles: {geo: {concurrency: 8, queue: 32}}
"""  # noqa: E501


def test_types_load_and_policies_are_read(write: Write) -> None:
    application = described(write(GOOD, "topology.yaml"))
    traffic = application.traffic
    assert traffic is not None
    look, book = traffic.types
    assert (look.service, look.weight, look.parallel) == ("hotel/frontend", 9, True)
    search, profile = look.calls or ()
    assert (search.call.source, search.call.target, profile.calls) == ("frontend", "search", None)
    assert [(s.call.target, s.times, s.calls) for s in search.calls or ()] == [("geo", 2, ())]
    assert book.calls is None
    assert traffic.load == Load(100, poisson=True)
    breaker = BreakerRule(open_s=7)
    assert traffic.policies == {
        ("hotel/frontend", "hotel/search"): Policy(250_000, 2, 40_000, 100, breaker),
        ("users", "hotel/frontend"): Policy(5_000_000, 0, 25_000),
    }
    assert (application.workloads["hotel/geo"].concurrency, application.workloads["hotel/geo"].queue) == (8, 32)


def test_who_declares_none_has_traffic_nobody_bears_with(write: Write) -> None:
    application = described(write("profiles: {geo: {latency_us: 1}}", "topology.yaml"))
    assert application.traffic is UNDECLARED
    assert application.workloads["hotel/geo"].queue is None


@pytest.mark.parametrize("declared", ["profiles: {geo: {queue: 0}}", "load: {}", "requests: {x: {entry: user}}"])
def test_any_of_it_sets_traffic_in_motion(write: Write, declared: str) -> None:
    traffic = described(write(declared, "topology.yaml")).traffic
    assert traffic is not None
    assert traffic.load == Load()


def test_requests_say_where_users_enter(write: Write) -> None:
    text = "requests: {x: {entry: search}, y: {entry: user}, z: {entry: search}}"
    assert described(write(text, "topology.yaml")).entrypoints == ("hotel/search", "hotel/user")


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("entry: frontend, weight", "entry: frontent, weight", ["requests.look.entry", "did you mean 'frontend'"]),
        ("weight: 9", "weight: 0", ["requests.look.weight", "from 1 on, found 0"]),
        ("weight: 9", "wait: 9", ["requests.look", "unknown key 'wait'", "did you mean 'weight'"]),
        ("{to: geo,", "{to: user,", ["requests.look.calls[0].calls[0].to", "hotel/search does not call hotel/user"]),
        ("times: 2", "time: 2", ["requests.look.calls[0].calls[0]", "did you mean 'times'"]),
        ("times: 2", "times: 0", ["requests.look.calls[0].calls[0].times", "from 1 on"]),
        ("times: 2", "times: twice", ["requests", "Expected `int`"]),
        ("rps: 100", "rps: -1", ["topology.yaml: load.rps", "all users together", "from 0 on, found -1"]),
        ("rps: 100", "trace: [5, -1]", ["topology.yaml: load.trace[1]", "from 0 on, found -1"]),
        ("rps: 100", "rps: 100, trace: [1]", ["load", "either rps or trace"]),
        ("rps: 100", "trace: []", ["load.trace", "at least one"]),
        ("rps: 100", "trace: none.csv", ["load.trace", "cannot read", "none.csv"]),
        ("poisson", "gauss", ["load", "gauss"]),
        ("arrivals", "arrival", ["load", "did you mean 'arrivals'"]),
        ("from: frontend, to: search", "from: frontend, to: geo", ["policies[0]", "does not call hotel/geo"]),
        ("from: users", "from: user5", ["policies[1].from", "unknown workload 'user5'"]),
        ("retries: 2", "retries: -2", ["policies[0].retries", "from 0 on"]),
        ("retries: 2", "retry: 2", ["policies[0]", "did you mean 'retries'"]),
        ("timeout_ms: 250", "timeout_ms: 0", ["policies[0].timeout_ms", "from 1 on"]),
        ("open_s: 7", "open_s: 0", ["policies[0].breaker.open_s", "from 1 on"]),
        ("open_s: 7", "open: 7", ["policies[0].breaker", "did you mean 'open_s'"]),
        ("concurrency: 8", "concurrency: 0", ["profiles.geo.concurrency", "from 1 on"]),
        ("queue: 32", "queue: -1", ["profiles.geo.queue", "from 0 on"]),
    ],
)
def test_mistakes_name_file_and_field(write: Write, old: str, new: str, parts: list[str]) -> None:
    assert_told(write, GOOD, old, new, parts)


def test_a_trace_file_with_a_word_in_it_is_told_by_its_line(write: Write) -> None:
    file = write("load: {trace: day.csv}", "topology.yaml")
    (file.parent / "day.csv").write_text("10\n20\nmany\n")
    with pytest.raises(UserError, match=r"day\.csv:3: expected a whole number"):
        described(file)


def test_two_policies_for_one_call_are_one_too_many(write: Write) -> None:
    text = GOOD.replace("profiles", "  - {from: users, to: frontend}\nprofiles")
    with pytest.raises(UserError, match=r"policies\[2\]: .*already"):
        described(write(text, "topology.yaml"))
