"""The address a Service is reached at inside the cluster."""

from __future__ import annotations

from stratus_sim.cluster.objects import Resource


def cluster_ip(service: Resource) -> str:
    """What the manifest gives (`None` for a headless one), else one of 10.96.0.0/16: for clients to look at.

    The model itself connects by name, as its processes do.
    """
    given = (service.manifest.get("spec") or {}).get("clusterIP")
    return str(given) if given else f"10.96.{service.uid // 256 % 256}.{service.uid % 256}"
