"""Pod templates by their content: the name a revision gets."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any

from stratus_sim.cluster.objects import Manifest

HASH = "pod-template-hash"
"""kubernetes.io/docs/concepts/workloads/controllers/deployment ("Pod-template-hash label")."""


def template_hash(template: Manifest) -> str:
    """Ten hex digits that name a pod template; null and empty fields do not count."""
    text = json.dumps(_canonical(template), sort_keys=True)
    return blake2b(text.encode(), digest_size=5).hexdigest()


def labelled(template: Manifest, mark: str) -> Manifest:
    """A template whose pods bear the label that tells one ReplicaSet of a Deployment from another."""
    metadata = template.get("metadata") or {}
    return {**template, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), HASH: mark}}}


def unlabelled(template: Manifest) -> Manifest:
    """The template of a ReplicaSet as its Deployment has it."""
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _canonical(node: Any) -> Any:
    if isinstance(node, dict):
        items = {k: _canonical(v) for k, v in node.items()}
        return {k: v for k, v in items.items() if v not in (None, {}, [])}
    return [_canonical(item) for item in node] if isinstance(node, list) else node
