"""`python -m benchmarks`: one table of all figures; exit code 1 when one is missed."""

from __future__ import annotations

import argparse
import json
import sys

from rich.console import Console
from rich.table import Table

from benchmarks import figures
from benchmarks.figures import Figure


def main() -> int:
    """Measure every figure and print them; ratios, because seconds belong to a machine."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text for people, json for programs")
    names = {measure.__name__: measure for measure in figures.ALL}
    parser.add_argument("figure", nargs="*", choices=(*names, []), help="which ones; all without any")
    arguments = parser.parse_args()
    wanted, chosen = arguments.format, arguments.figure or names
    found = [names[name]() for name in chosen]
    if wanted == "json":
        print(json.dumps([figure._asdict() | {"kept": figure.kept} for figure in found], indent=2))
    else:
        console = Console(highlight=False)
        console.print(_table(found))
        for figure in found:
            if figure.top:
                console.print(f"[bold]{figure.name}[/bold]: {', '.join(figure.top)}", markup=True)
    return 0 if all(figure.kept for figure in found) else 1


def _table(found: list[Figure]) -> Table:
    table = Table("figure", "measured", "promised", "margin", "")
    for figure in found:
        verdict = "[green]kept[/green]" if figure.kept else "[bold red]MISSED[/bold red]"
        table.add_row(figure.name, figure.measured, figure.promised, f"{figure.ratio:.2f} x", verdict)
    return table


if __name__ == "__main__":
    sys.exit(main())
