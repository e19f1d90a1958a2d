"""What a prompt is trained on, chosen by, and judged by: three splits that share no fault and no application.

Every split has a fault of a roll-out that fails, and one that lies elsewhere: what is learned about a symptom can help
with a fault never seen, and what is learned by heart cannot.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from stratus_sim.kernel.streams import draw_bits
from stratus_sim.testing.scenario import Scenario
from stratus_sim.testing.stage import Source, Stage

_SEEDS = 256


class Share(NamedTuple):
    """What one split is made of: how many targets of each fault, fewer where there are not so many."""

    application: str
    faults: Mapping[str, int]


SHARES: Mapping[str, Share] = MappingProxyType(
    {
        "train": Share(
            "shop",
            {
                "image-pull-bad-tag": 2, "readiness-probe-misconfig": 2, "scale-to-zero": 1,
                "service-target-port-misconfig": 2, "network-partition": 1,
            },
        ),
        "validate": Share("library", {"pod-unschedulable-node-selector": 2, "env-var-wrong-value": 2}),
        "test": Share("hotel", {"resource-limit-oom": 4, "configmap-missing": 1, "kubelet-crash": 1}),
    }
)  # fmt: skip
"""Nobody can repair the last two faults with the writes there are: what is scored there is doing no harm."""


class Example(NamedTuple):
    """One episode to play: an embedded application and what happens to it."""

    application: str
    scenario: Scenario


class Splits(NamedTuple):
    """`train` shows what goes wrong, `validate` chooses among prompts, `test` is looked at once, at the end."""

    train: tuple[Example, ...]
    validate: tuple[Example, ...]
    test: tuple[Example, ...]


@cache
def stage(application: str) -> Stage:
    """An embedded application, loaded once. Raises UserError for a name nobody knows."""
    return Stage(Source(application))


def examples(split: str, *, noise: bool = False) -> tuple[Example, ...]:
    """The examples of a split; the same for everybody, so that results compare."""
    share, heard = SHARES[split], noise or msgspec.UNSET
    return tuple(
        Example(share.application, Scenario(fault, target, seed=_draw("seed", fault, target) % _SEEDS, noise=heard))
        for fault, count in share.faults.items()
        for target in _targets(share.application, fault)[:count]
    )


def _targets(application: str, fault: str) -> list[str]:
    found = [target for name, target in stage(application).strikes() if name == fault]
    return sorted(found, key=lambda target: _draw("order", fault, target))


def _draw(purpose: str, fault: str, target: str) -> int:
    return draw_bits(0, "training", f"{purpose}/{fault}/{target}", 0)


@cache
def splits(*, noise: bool = False) -> Splits:
    """The three splits, with transient disturbances in the background or without."""
    return Splits(*(examples(name, noise=noise) for name in Splits._fields))
