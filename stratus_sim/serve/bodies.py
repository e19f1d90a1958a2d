"""Request bodies. What cannot be read in full is refused: a dry run nobody noticed would be a real write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stratus_sim.serve import protobuf
from stratus_sim.serve.answers import Refusal, Request

_JSON = ("application/json", "")
_VALIDATION = ("", "Ignore", "Warn", "Strict")


def media_type(request: Request) -> str:
    """The content type of the body without its parameters."""
    return request.header("content-type").partition(";")[0].strip().lower()


def read_json(request: Request, *accepted: str) -> Any:
    """The body as JSON; `accepted` names media types beside application/json.

    Raises:
        Refusal: 415 for another media type, 400 for what is no JSON or, under strict validation, ambiguous.
    """
    found = media_type(request)
    if found == protobuf.MEDIA_TYPE:
        return protobuf.decode(request.body)
    if found not in (*_JSON, *accepted):
        raise Refusal(415, f"the body of the request was in an unknown format {found!r}: expected application/json")
    try:
        return json.loads(request.body, object_pairs_hook=_hook(request), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Refusal(400, f"the body is not JSON: {error}") from None


def read_options(request: Request) -> Mapping[str, Any]:
    """The DeleteOptions of a request, {} when it has no body."""
    return checked_options(read_json(request) if request.body else {})


def checked_options(options: Any) -> Mapping[str, Any]:
    """DeleteOptions, wherever they were found. Raises Refusal, 400, for anything else."""
    if not isinstance(options, Mapping):
        raise Refusal(400, "DeleteOptions: expected an object")
    if options.get("kind") not in (None, "", "DeleteOptions"):
        raise Refusal(400, f"the body is a {options['kind']}: expected DeleteOptions")
    _check_dry_run(options.get("dryRun") or [])
    return options


def is_dry_run(request: Request, options: Mapping[str, Any] | None = None) -> bool:
    """Whether nothing shall be changed; a client may say so in the query or in DeleteOptions.

    Raises:
        Refusal: 400, a value other than All.
    """
    asked = [value for value in request.parameters.get("dryRun", "").split(",") if value]
    if "dryRun" in request.parameters and not asked:
        raise Refusal(400, "dryRun: expected All")
    _check_dry_run(asked)
    return bool(asked or (options or {}).get("dryRun"))


def _check_dry_run(asked: Any) -> None:
    if not isinstance(asked, list) or any(value != "All" for value in asked):
        raise Refusal(400, f"dryRun {asked!r}: expected All")


def _hook(request: Request) -> Any:
    level = request.parameters.get("fieldValidation", "")
    if level not in _VALIDATION:
        raise Refusal(400, f"fieldValidation {level!r}: expected Ignore, Warn or Strict")
    return _distinct if level == "Strict" else None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ValueError(f'strict decoding error: duplicate field "{repeated}"')
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")
