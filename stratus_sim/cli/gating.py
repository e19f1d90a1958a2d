"""`stratus gate` and `stratus apply`: a plan is tried in a twin, and runs on the cluster only with the certificate."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from stratus_sim.cli.options import (
    Format,
    FormatOption,
    ManifestsOption,
    NamespaceOption,
    NoiseOption,
    SeedOption,
    TopologyOption,
    WithOption,
    err,
    out,
    print_json,
)
from stratus_sim.files import expect_writable
from stratus_sim.kernel import SECOND_US

if TYPE_CHECKING:
    from stratus_sim.gate.attempt import Attempt
    from stratus_sim.gate.gate import Verdict
    from stratus_sim.gate.trial import Result

PlanArgument = Annotated[
    Path, typer.Argument(help="YAML or JSON: a list of actions {verb, target, arguments, namespace}")
]
KubeconfigOption = Annotated[Path, typer.Option("--kubeconfig", help="how to reach the cluster")]
ContextOption = Annotated[str | None, typer.Option("--context", help="of the kubeconfig, instead of its current one")]


def gate(
    plan: PlanArgument,
    kubeconfig: KubeconfigOption,
    context: ContextOption = None,
    namespace: NamespaceOption = None,
    manifests: ManifestsOption = None,
    topology: TopologyOption = None,
    examples: Annotated[int, typer.Option(min=1, help="environments to try beside the calm one")] = 50,
    seed: SeedOption = 0,
    noise: NoiseOption = False,
    with_: WithOption = [],  # noqa: B006  # typer makes a new list
    settle: Annotated[int, typer.Option(min=1, help="seconds between the last action and the decision")] = 180,
    out_file: Annotated[Path, typer.Option("--out", help="where the certificate is written")] = Path(
        "certificate.json"
    ),
    format: FormatOption = Format.text,
) -> None:
    """Try a plan in a twin of the cluster, under many environments. Exit 0 with a certificate, 1 when it breaks.

    `--manifests` says what the application is when nothing is wrong with it; without it, what is there now does.

    Example: stratus gate plan.yaml --kubeconfig ~/.kube/config --namespace shop --manifests k8s/ --noise --with mine.py
    """
    from stratus_sim.adapters.kubernetes.target import Target  # noqa: PLC0415
    from stratus_sim.gate.apply import kinds_of  # noqa: PLC0415
    from stratus_sim.gate.certificate import certify, save  # noqa: PLC0415
    from stratus_sim.gate.gate import examine  # noqa: PLC0415
    from stratus_sim.gate.plan import read_plan  # noqa: PLC0415
    from stratus_sim.gate.twin import Twin  # noqa: PLC0415
    from stratus_sim.manifests.load import load  # noqa: PLC0415
    from stratus_sim.manifests.topology import load_topology  # noqa: PLC0415
    from stratus_sim.transaction.limits import Limits  # noqa: PLC0415

    expect_writable(out_file)
    wanted, limits = read_plan(plan, namespace), Limits(settle_us=settle * SECOND_US)
    healthy = load(manifests, namespace) if manifests else None
    declared = load_topology(topology) if topology else None
    live = Target(str(kubeconfig.absolute()), context, namespace, kinds_of(wanted)).open().objects
    judge = partial(examine, Twin(live, healthy, declared), wanted, examples, seed, limits, noise=noise)
    verdict = _watched(judge, examples, quiet=format is Format.json)
    if verdict.passed:
        save(out_file, certify(wanted, verdict, live, seed, limits, namespace))
    _report(verdict, out_file, format)
    raise typer.Exit(0 if verdict.passed else 1)


def apply(
    plan: PlanArgument,
    certificate: Annotated[Path, typer.Option("--certificate", help="written by `stratus gate` for this plan")],
    kubeconfig: KubeconfigOption,
    context: ContextOption = None,
    journal: Annotated[
        Path | None, typer.Option("--journal", help="for `stratus recover`; default PLAN.journal")
    ] = None,
    format: FormatOption = Format.text,
) -> None:
    """Carry out a plan that passed the gate, as one transaction. Exit 0 when it stays, 1 when it was undone.

    Example: stratus apply plan.yaml --certificate certificate.json --kubeconfig ~/.kube/config
    """
    from stratus_sim.adapters.kubernetes.target import Target  # noqa: PLC0415
    from stratus_sim.gate.apply import apply as carry_out  # noqa: PLC0415
    from stratus_sim.gate.apply import kinds_of  # noqa: PLC0415
    from stratus_sim.gate.certificate import read_certificate  # noqa: PLC0415
    from stratus_sim.gate.plan import read_plan  # noqa: PLC0415

    certified = read_certificate(certificate)
    wanted = read_plan(plan, certified.namespace)
    target = Target(str(kubeconfig.absolute()), context, certified.namespace, kinds_of(wanted))
    place = journal or plan.with_name(plan.name + ".journal")
    tried = carry_out(wanted, certified, target, place.absolute())
    committed = tried.decision.verdict == "committed"
    if format is Format.json:
        print_json(_attempt_json(tried, place))
    else:
        _show_attempt(tried, committed)
    raise typer.Exit(0 if committed else 1)


def _watched(judge: Callable[[Callable[[Result], None]], Verdict], examples: int, *, quiet: bool) -> Verdict:
    """What `judge` finds, with a progress bar on standard error."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=quiet) as progress:
        task = progress.add_task("the plan in the twin", total=examples + 1)

        def advance(_result: Result) -> None:
            progress.advance(task)

        return judge(advance)


def _report(verdict: Verdict, file: Path, format: Format) -> None:
    if format is Format.json:
        print_json(_verdict_json(verdict, file))
        return
    tried, smallest = len(verdict.results), verdict.smallest
    undone = tried - verdict.committed
    if smallest is None:
        kept = f", in {undone} of them the runtime undid it without harm" if undone else ""
        out.print(Text.assemble(("passed", "green"), f": {tried} environments{kept}; certificate: {file}"))
        return
    out.print(
        Text.assemble(("refused", "bold red"), f": {sum(verdict.broken().values())} of {tried} environments break")
    )
    for clause, count in sorted(verdict.broken().items()):
        out.print(f"  {count:4}  {clause}")
    out.print(Text.assemble(("\nSmallest case:", "bold"), f" {smallest.perturbation}"))
    out.print(f"  broken: {smallest.clause}\n  {smallest.reason}")


def _verdict_json(verdict: Verdict, file: Path) -> dict[str, Any]:
    smallest = verdict.smallest
    found = {"passed": verdict.passed, "environments": len(verdict.results), "committed": verdict.committed}
    case = (
        {"perturbation": str(smallest.perturbation), "clause": smallest.clause, "reason": smallest.reason}
        if smallest
        else None
    )
    return {**found, "broken": verdict.broken(), "smallest": case, "certificate": str(file) if verdict.passed else None}


def _show_attempt(tried: Attempt, committed: bool) -> None:
    for action, told in tried.told:
        out.print(f"  {action}: {told}")
    style = "green" if committed else "bold red"
    out.print(Text.assemble((str(tried.decision.verdict), style), f": {tried.decision.reason}"))
    for write in tried.decision.kept:
        out.print(f"left alone, written by somebody else: {write.field}")


def _attempt_json(tried: Attempt, journal: Path) -> dict[str, Any]:
    decision = tried.decision
    actions = [{"action": str(action), "told": told} for action, told in tried.told]
    kept = [str(write.field) for write in decision.kept]
    found = {"verdict": str(decision.verdict), "reason": decision.reason, "kept": kept}
    return {**found, "actions": actions, "journal": str(journal)}
