"""`python -m stratus_agents.scripted`: the scripted model as a server, until Ctrl-C. It is no language model."""

from __future__ import annotations

import argparse
from contextlib import suppress
from threading import Event

from stratus_agents.scripted import MODEL, Mistakes, scripted_model


def main() -> None:
    """Serve, and say how to reach it."""
    parser = argparse.ArgumentParser(prog="python -m stratus_agents.scripted", description=__doc__)
    for mistake in Mistakes._fields:
        parser.add_argument(f"--{mistake.replace('_', '-')}", type=int, default=0, metavar="PERMILLE")
    with scripted_model(Mistakes(**vars(parser.parse_args()))) as server:
        print(f"export OPENAI_BASE_URL={server.url}  # --model {MODEL}", flush=True)
        with suppress(KeyboardInterrupt):
            Event().wait()


if __name__ == "__main__":
    main()
