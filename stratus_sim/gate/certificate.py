"""A certificate: this plan, on these objects as they are now, broke nothing in so many environments.

It is checked for integrity, not signed: who may write the file may write another one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import msgspec

from stratus_sim import extensions
from stratus_sim.adapters.kubernetes.live import Json, configured, is_configured, live_key
from stratus_sim.errors import UserError
from stratus_sim.files import write_atomically
from stratus_sim.gate.gate import Verdict
from stratus_sim.gate.perturbation import ENVIRONMENTS
from stratus_sim.gate.plan import Plan, digest_of
from stratus_sim.transaction.limits import Limits

FORMAT = 1
_AGAIN = "run `stratus gate` again"


class Basis(msgspec.Struct, frozen=True):
    """An object a verdict rests on. `configuration` is the digest of what people and agents write of it.

    Controllers report status without end, so a newer `version` (resourceVersion) of the same configuration is no
    change. Of a Secret only the version is kept: a digest of its values would let them be guessed.
    """

    uid: str
    version: str
    configuration: str


class Certificate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was tried and what it rests on; `objects` by `Kind/name in namespace`. `namespace` None is all of them.

    `versions` are of what tried it: packages, and extensions by the digest of their file.
    """

    format: int
    plan_sha256: str
    verdict: Literal["passed"]
    environments: Mapping[str, Any]
    tried: int
    committed: int
    seed: int
    limits: Limits
    versions: Mapping[str, str]
    namespace: str | None
    objects: Mapping[str, Basis]
    sha256: str = ""

    def sealed(self) -> Certificate:
        """With the digest of everything else."""
        body = msgspec.to_builtins(msgspec.structs.replace(self, sha256=""))
        return msgspec.structs.replace(self, sha256=digest_of(body))


def certify(
    plan: Plan, verdict: Verdict, objects: Iterable[Json], seed: int, limits: Limits, namespace: str | None
) -> Certificate:
    """The certificate of a plan that passed.

    Raises:
        ValueError: it did not.
    """
    if not verdict.passed:
        raise ValueError("no certificate for a plan that did not pass")
    return Certificate(
        format=FORMAT,
        plan_sha256=plan.digest,
        verdict="passed",
        environments={**ENVIRONMENTS, "noise": any(result.perturbation.noise for result in verdict.results)},
        tried=len(verdict.results),
        committed=verdict.committed,
        seed=seed,
        limits=limits,
        versions=_versions(),
        namespace=namespace,
        objects=basis(objects),
    ).sealed()


def basis(objects: Iterable[Json]) -> dict[str, Basis]:
    """What a verdict on a twin of these objects rests on."""
    return {str(live_key(found)): _basis(found) for found in objects if is_configured(found)}


def _basis(found: Json) -> Basis:
    metadata = found["metadata"]
    secret = found["kind"] == "Secret"
    configuration = "" if secret else digest_of(configured(found))
    return Basis(str(metadata.get("uid", "")), str(metadata.get("resourceVersion", "")), configuration)


def changes(certificate: Certificate, objects: Iterable[Json]) -> list[str]:
    """How the cluster differs from what the certificate rests on, one line an object; [] when it does not."""
    now, then = basis(objects), certificate.objects
    pairs = ((name, then.get(name), now.get(name)) for name in sorted({*then, *now}))
    return [f"{name} {how}" for name, before, after in pairs if (how := _changed(before, after))]


def _changed(before: Basis | None, after: Basis | None) -> str:
    if before is None or after is None:
        return "is new" if before is None else "is gone"
    if before.uid != after.uid:
        return "was replaced by another object of that name"
    same = before.configuration == after.configuration if before.configuration else before.version == after.version
    return "" if same else "was changed"


def save(path: Path, certificate: Certificate) -> None:
    """Write a certificate, all or nothing.

    Raises:
        UserError: the file cannot be written.
    """
    text = json.dumps(msgspec.to_builtins(certificate), indent=2, sort_keys=True)
    write_atomically(path, f"{text}\n".encode())


def read_certificate(path: Path) -> Certificate:
    """The certificate in a file, if it is whole.

    Raises:
        UserError: it cannot be read, or was altered.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Certificate)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; expected a certificate: {_AGAIN}") from None
    except msgspec.MsgspecError as error:
        raise UserError(f"{path}: is no certificate ({error}): {_AGAIN}") from None
    if found.sealed() != found:
        raise UserError(f"{path}: was altered after it was written: {_AGAIN}")
    return found


def require(certificate: Certificate, plan: Plan, objects: Iterable[Json]) -> None:
    """Raises UserError unless the certificate is for this plan on these objects; says what differs."""
    if certificate.plan_sha256 != plan.digest:
        raise UserError(f"the certificate is for another plan, or the plan was changed since: {_AGAIN}")
    different = changes(certificate, objects)
    if different:
        more = f" and {len(different) - 3} more" if len(different) > 3 else ""
        raise UserError(f"the cluster has changed since the gate: {'; '.join(different[:3])}{more}: {_AGAIN}")


def _versions() -> dict[str, str]:
    packages = {name: _version(name) for name in ("stratus-tnr", "hypothesis")}
    return {**packages, **{found.spec: found.sha256 for found in extensions.loaded()}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
