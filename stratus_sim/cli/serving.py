"""`stratus serve`: a simulated cluster behind the Kubernetes API, for kubectl and client libraries."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.text import Text

from stratus_sim.cli import episodes
from stratus_sim.cli.options import (
    AppOption,
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
from stratus_sim.faults import noise as noise_of
from stratus_sim.serve import RunningServer
from stratus_sim.serve import serve as start
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.stage import Stage
from stratus_sim.world import World


def serve(
    problem: Annotated[
        str | None, typer.Argument(help="a problem of `stratus problems`; without one, the application at rest")
    ] = None,
    manifests: ManifestsOption = None,
    topology: TopologyOption = None,
    namespace: NamespaceOption = None,
    app: AppOption = None,
    fault: Annotated[str | None, typer.Option(help="NAME or NAME:TARGET, with --manifests")] = None,
    seed: SeedOption = 0,
    noise: NoiseOption = False,
    with_: WithOption = [],  # noqa: B006  # typer makes a new list
    port: Annotated[int, typer.Option(min=0, max=65535, help="on 127.0.0.1; 0 takes a free one")] = 0,
    speed: Annotated[
        float,
        typer.Option(min=0, max=1e6, help="simulated seconds a second; 0: only POST /stratus/clock lets time pass"),
    ] = 1.0,
    kubeconfig: Annotated[Path, typer.Option(help="where to write the kubeconfig")] = Path("stratus.kubeconfig"),
    show_secrets: Annotated[bool, typer.Option("--show-secrets", help="values of Secrets in clear")] = False,
    format: FormatOption = Format.text,
) -> None:
    """Serve a simulated cluster to kubectl and to client libraries until Ctrl-C.

    Beside the API there are /stratus/metrics (to scrape), /stratus/alerts, /stratus/traces and /stratus/clock.

    Example: stratus serve hotel/scale-to-zero --speed 10 --noise --with mine.py
    """
    name, strike, target = _scene(problem, manifests, fault, app)
    stage = Stage(episodes.source(name, manifests, topology, namespace))
    if format is Format.text:
        episodes.warn(stage)
    world = _world(stage, strike, target, seed, noisy=noise)
    with start(world, port, speed=speed, show_secrets=show_secrets, dated_today=True) as server:
        server.kubeconfig(kubeconfig)
        with _until_stopped():
            _tell(server, kubeconfig, speed, format)
            server.wait()
    err.print("stopped")


def _scene(
    problem: str | None, manifests: Path | None, fault: str | None, app: str | None
) -> tuple[str, str, str | None]:
    """(embedded application, fault, target); no fault for the application at rest."""
    name = episodes.embedded(app, {"PROBLEM": problem, "--manifests": manifests})
    if problem is None and fault is None:
        return name, "", None
    return episodes.choose(problem, manifests, fault)


def _world(stage: Stage, strike: str, target: str | None, seed: int, *, noisy: bool) -> World:
    """The application at rest, or at the instant its fault strikes."""
    if strike:
        world = stage.world(Scenario(fault=strike, target=episodes.target(stage, strike, target), seed=seed))
    else:
        world = stage.standing(seed)
    if noisy:
        noise_of.start(world)
    world.run_for(0)
    return world


def _tell(server: RunningServer, kubeconfig: Path, speed: float, format: Format) -> None:
    if format is Format.json:
        print_json({"url": server.url, "kubeconfig": str(kubeconfig), "speed": speed})
    else:
        pace = f" at {speed:g} simulated seconds a second; Ctrl-C ends"
        out.print(Text.assemble("serving ", (server.url, "bold"), pace))
        out.print(f"kubectl --kubeconfig {kubeconfig} get pods", soft_wrap=True)
    sys.stdout.flush()


@contextmanager
def _until_stopped() -> Iterator[None]:
    """Ctrl-C and a polite kill both end the serving, and neither is an error."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)
