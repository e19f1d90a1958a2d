"""All promises: each holds in every world, whatever befalls it."""

from __future__ import annotations

from typing import Any

from tests.invariants.promises import autoscaling, batch, deletion, kubelets, placing, quotas, serving, sets, volumes

PROMISES: tuple[Any, ...] = (
    *autoscaling.PROMISES,
    *batch.PROMISES,
    *deletion.PROMISES,
    *kubelets.PROMISES,
    *placing.PROMISES,
    *quotas.PROMISES,
    *serving.PROMISES,
    *sets.PROMISES,
    *volumes.PROMISES,
)
