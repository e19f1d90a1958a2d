"""Kinds that are served but not stored: what somebody may, and what pods and nodes use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stratus_sim.serve import access, usage, writing
from stratus_sim.serve.answers import Answer, Request, not_allowed
from stratus_sim.serve.bodies import read_json
from stratus_sim.serve.kinds import Kind
from stratus_sim.serve.selecting import test_of

if TYPE_CHECKING:
    from stratus_sim.serve.showing import View

ASKED: tuple[Kind, ...] = (*access.REVIEWS, usage.PODS, usage.NODES)


def answer(view: View, request: Request, kind: Kind, namespace: str | None, rest: tuple[str, ...]) -> Answer:
    """Raises Refusal: 405, 404, or 400 for what is no review."""
    if kind in access.REVIEWS and request.method == "POST" and not rest:
        return Answer(access.review(view.world, request, kind, read_json(request)), 201)
    if kind in access.REVIEWS or request.method != "GET" or request.flag("watch"):
        raise not_allowed(request)
    test = test_of(request.parameters)
    found = [item for item in usage.measured(view, kind, namespace) if test(item)]
    if not rest:
        return Answer({"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": {}, "items": found})
    mine = [item for item in found if (item["metadata"]["name"],) == rest]
    if not mine:
        raise writing.not_found(kind, rest[0])
    return Answer(mine[0])
