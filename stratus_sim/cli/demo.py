"""`stratus demo`: the main job in one screen."""

from __future__ import annotations

from typing import Any

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

import stratus_proofs
from stratus_sim.cli import episodes, timeline
from stratus_sim.cli.checking import tally
from stratus_sim.cli.options import Format, err, out, print_json
from stratus_sim.problems import find_problem
from stratus_sim.testing.check import Tally
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.stage import Source, Stage
from stratus_sim.testing.trial import Outcome, run_trial

PROBLEM = "hotel/service-target-port-misconfig/geo"
POLICIES = ("runbook", "reckless")
EXAMPLES = 40
HEADLINES = (
    ("exclusive_writer", "at most one agent writes, with the latest lock token"),
    ("bounded_actions", "a transaction takes at most K actions"),
    ("reversible_only", "nothing irreversible is ever run"),
    ("abort_tnr", "an undone transaction leaves no trace in the configuration"),
    ("commit_tnr", "a committed one leaves the system no worse than without it"),
    ("terminal_is_clean", "when a run ends nothing is open and nobody holds the lock"),
)


def show_demo(seed: int, format: Format) -> int:
    """Prove, repair, test; 0 when the proofs hold, the crew repairs, and the runtime protects from both policies."""
    with err.status("proving the specification"):
        report = stratus_proofs.prove()
    outcome = _repair(seed)
    stage = Stage(Source("hotel"))
    verdicts = {name: _verdicts(stage, name, seed) for name in POLICIES}
    good = report.ok and not outcome.problem and outcome.episode.repaired
    safe = all(protected.holds for _, protected in verdicts.values())
    if format is Format.json:
        print_json(_as_json(report, outcome, verdicts))
    else:
        _show(report, outcome, verdicts)
    return 0 if good and safe else 1


def _repair(seed: int) -> Outcome:
    problem = find_problem(PROBLEM)
    setup = episodes.setup(Stage(Source(problem.application)), "runbook")
    return run_trial(setup, Scenario(problem.fault, problem.target, seed=seed), "protected", watch=True)


def _verdicts(stage: Stage, policy: str, seed: int) -> tuple[Tally, Tally]:
    setup = episodes.setup(stage, policy)
    return tally(setup, "own", EXAMPLES, seed), tally(setup, "protected", EXAMPLES, seed)


def _show(report: stratus_proofs.Report, outcome: Outcome, verdicts: dict[str, tuple[Tally, Tally]]) -> None:
    out.print(Panel(_proved(report), title="1  what was proved", title_align="left"))
    out.print(Panel(timeline.table(outcome.episode.events), title=f"2  repairing {PROBLEM}", title_align="left"))
    out.print(Panel(_tested(verdicts), title="3  which policy would make things worse", title_align="left"))
    out.print("Look closer:  .venv/bin/stratus check reckless    (or: prove, run hotel/scale-to-zero, --help)")


def _proved(report: stratus_proofs.Report) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    failed = {result.prop for result in report.failures}
    for name, meaning in HEADLINES:
        table.add_row(Text("refuted", style="bold red") if name in failed else Text("proved", style="green"), meaning)
    count = f"{len(report.results) - len(report.failures)} of {len(report.results)} obligations proved"
    table.add_row("", f"{count} in {report.seconds:.1f} s, for any number of steps, agents and resources")
    return table


def _tested(verdicts: dict[str, tuple[Tally, Tally]]) -> Table:
    table = Table("policy", "made worse on its own", "under the runtime", "undone there", box=None, pad_edge=False)
    for policy, (own, protected) in verdicts.items():
        table.add_row(policy, _worse(own), _worse(protected), f"{protected.undone} of {protected.examples}")
    table.caption = "Under the runtime agents also crash and lose their lock: what they left open is undone."
    return table


def _worse(found: Tally) -> Text:
    return Text(f"{found.broken} of {found.examples} scenarios", style="bold red" if found.broken else "green")


def _as_json(
    report: stratus_proofs.Report, outcome: Outcome, verdicts: dict[str, tuple[Tally, Tally]]
) -> dict[str, Any]:
    return {
        "proofs": {"ok": report.ok, "obligations": len(report.results), "failures": len(report.failures)},
        "repair": {"problem": PROBLEM, "repaired": outcome.episode.repaired, "broken": outcome.problem},
        "policies": {
            name: {t.mode: {"scenarios": t.examples, "worse": t.broken, "undone": t.undone} for t in pair}
            for name, pair in verdicts.items()
        },
    }
