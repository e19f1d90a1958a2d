"""The command line: `stratus --help` lists its commands.

This is the one place in the simulator that knows proofs and agents, and it imports them only when asked for them.
"""

from __future__ import annotations

from stratus_sim.cli.output import interrupt


def main() -> None:
    """Run the command line. It takes so long to load that some think better of it meanwhile."""
    try:
        from stratus_sim.cli.app import main as run  # noqa: PLC0415
    except KeyboardInterrupt:
        interrupt()
    run()


__all__ = ["main"]
