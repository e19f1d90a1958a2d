"""Options that several commands share."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console


class Format(str, Enum):  # noqa: UP042  # typer shows the values of a (str, Enum)
    """How results are printed."""

    text = "text"
    json = "json"


FormatOption = Annotated[Format, typer.Option("--format", help="text for people, json for programs")]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="same seed, same result")]
ManifestsOption = Annotated[Path | None, typer.Option("--manifests", help="file or folder of Kubernetes YAML")]
TopologyOption = Annotated[Path | None, typer.Option("--topology", help="file that declares calls nobody can infer")]
NamespaceOption = Annotated[str | None, typer.Option("--namespace", help="for objects that name none")]
AppOption = Annotated[str, typer.Option("--app", help="embedded application, where no --manifests are given")]

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_json(data: Any) -> None:
    """One JSON document on standard output."""
    print(json.dumps(data, indent=2, sort_keys=True, default=str))
