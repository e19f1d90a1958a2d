"""How the rules of the Pod Security Standards read a pod, and how they name what they find."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from stratus_sim.cluster.objects import Manifest

SAFE_PROFILES = ("RuntimeDefault", "Localhost")


class Pod(NamedTuple):
    """What the standards look at, and the minor version of Kubernetes 1 whose standard it is held to."""

    spec: Manifest
    annotations: Mapping[str, str]
    minor: int

    @property
    def context(self) -> Manifest:
        return context(self.spec)

    @property
    def containers(self) -> list[Manifest]:
        """Of all three kinds."""
        kinds = ("initContainers", "containers", "ephemeralContainers")
        return [container for kind in kinds for container in self.spec.get(kind) or ()]

    @property
    def volumes(self) -> list[tuple[str, str]]:
        """Names and kinds; what has no kind becomes an empty directory."""
        volumes = self.spec.get("volumes") or ()
        return [(v["name"], kind) for v in volumes for kind in v if kind != "name" and v[kind] is not None]


def context(owner: Manifest) -> Manifest:
    """The security context of a pod's spec or a container."""
    found = owner.get("securityContext")
    return found if isinstance(found, Mapping) else {}


def profile(context: Manifest, field: str) -> str | None:
    """The type of a security context's profile; None where it has none."""
    found = context.get(field)
    return None if found is None else str(found.get("type") or "")


def unsafe(kind: str | None) -> bool:
    """Whether a type of profile is one that the standards forbid."""
    return kind is not None and kind not in SAFE_PROFILES


def capabilities(container: Manifest, field: str) -> Collection[str]:
    """What a container adds (`add`) or drops (`drop`)."""
    return (context(container).get("capabilities") or {}).get(field) or ()


def adds_more_than(pod: Pod, allowed: Collection[str]) -> Iterator[str]:
    """What is to be said of containers that add other capabilities."""
    added = {c["name"]: set(capabilities(c, "add")).difference(allowed) for c in pod.containers}
    guilty = [name for name, extra in added.items() if extra]
    if guilty:
        shown = quoted(set().union(*added.values()))
        yield f"{plural('container', guilty)} must not include {shown} in securityContext.capabilities.add"


def setters(pod: Pod, sets: Callable[[Manifest], Any]) -> list[str]:
    """Those whose security context sets something: the pod, its containers, or both."""
    containers = [c for c in pod.containers if sets(context(c))]
    return [*(["pod"] if sets(pod.context) else ()), *([named(containers)] if containers else ())]


def set_by(pod: Pod, title: str, problem: str, sets: Callable[[Manifest], Any]) -> Iterator[str]:
    """The violation of those who set something."""
    guilty = setters(pod, sets)
    if guilty:
        yield f"{title} ({' and '.join(guilty)} {problem})"


def unsafe_seccomp(pod: Pod) -> Iterator[str]:
    """The violation of those who set a forbidden seccomp profile."""
    kinds = {profile(one, "seccompProfile") for one in (pod.context, *map(context, pod.containers))}
    problem = f"must not set securityContext.seccompProfile.type to {quoted(str(k) for k in kinds if unsafe(k))}"
    yield from set_by(pod, "seccompProfile", problem, lambda c: unsafe(profile(c, "seccompProfile")))


def named(containers: Iterable[Manifest]) -> str:
    return plural("container", [c["name"] for c in containers])


def plural(word: str, names: Collection[str]) -> str:
    """Names behind the word for them, as `containers "a", "b"`."""
    listed = ", ".join(f'"{name}"' for name in names)
    return f"{counted(word, names)} {listed}"


def quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in sorted(names))


def counted(word: str, found: Collection[Any]) -> str:
    return word if len(found) == 1 else f"{word}s"


def uses(names: Collection[str]) -> str:
    return "uses" if len(names) == 1 else "use"
