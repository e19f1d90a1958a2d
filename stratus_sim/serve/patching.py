"""What a client may send as a patch, by content type; the patches themselves are the cluster's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stratus_sim.cluster import patching
from stratus_sim.cluster.patch_errors import Malformed, PatchError, Unmergeable
from stratus_sim.serve.answers import Refusal
from stratus_sim.telemetry.render import Json

Patcher = Callable[[Json, Any], Any]

_TYPES = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
}


def patcher(content_type: str, *, built_in: bool) -> Patcher:
    """The function that applies a body of this content type to an object; `built_in` is what the object's kind is.

    Raises:
        Refusal: 415, nobody here can apply such a body.
    """
    if content_type == "application/strategic-merge-patch+json" and not built_in:
        raise Refusal(415, "strategic merge patches are for built-in kinds: send application/merge-patch+json")
    if content_type == "application/apply-patch+yaml":
        raise Refusal(415, "who owns which field is not modelled: use `kubectl apply` without --server-side")
    if content_type not in _TYPES:
        expected = ", ".join(_TYPES)
        raise Refusal(415, f"the body of the request was in an unknown format {content_type!r}: expected {expected}")
    return lambda document, patch: applied(document, patch, _TYPES[content_type])


def applied(document: Json, patch: Any, kind: str) -> Any:
    """The document with the patch applied; `kind` as in `patching.PATCHERS`.

    Raises:
        Refusal: 400 it is no such patch, 422 it does not fit the object, 500 items of it cannot be told apart, as the
            API server answers.
    """
    try:
        return patching.PATCHERS[kind](document, patch)
    except Malformed as error:
        raise Refusal(400, str(error)) from None
    except Unmergeable as error:
        raise Refusal(500, str(error)) from None
    except PatchError as error:
        raise Refusal(422, f"the server rejected our request due to an error in our request: {error}") from None
