"""The ids containerd gives runs of containers, sandboxes and images: as long as theirs, and the same whoever asks."""

from __future__ import annotations

from hashlib import blake2b

from stratus_sim.cluster.kubelet.refusals import full_name
from stratus_sim.cluster.objects import Resource, uuid_of
from stratus_sim.telemetry.render_pods import quality

SANDBOX = ""
"""In place of a container's name: what holds the network of a pod."""


def run_id(pod: Resource, container: str, run: int = 0) -> str:
    """The id of a run of a container, by how many there were before it."""
    return _digest(f"{pod.key} {pod.uid} {container} {run}")


def image_id(image: str) -> str:
    """The digest an image is known by."""
    name = full_name(image)
    path, _, last = name.rpartition("/")
    return name if "@" in name else f"{path}/{last.partition(':')[0]}@sha256:{_digest(name)}"


def control_group(pod: Resource, run: str) -> str:
    """Where systemd keeps a run; source: github.com/kubernetes/kubernetes, "Pod level cgroups" of the kubelet."""
    name = quality(pod).lower()
    parents = ["kubepods"] if name == "guaranteed" else ["kubepods", f"kubepods-{name}"]
    home = [*parents, f"{parents[-1]}-pod{uuid_of(pod.uid).replace('-', '_')}"]
    return f"/{'/'.join(f'{one}.slice' for one in home)}/cri-containerd-{run}.scope"


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=32).hexdigest()
