"""What kubectl shows of an Ingress in its columns CLASS, HOSTS, ADDRESS and PORTS."""

from __future__ import annotations

from typing import Any

from stratus_sim.manifests.doors import class_of
from stratus_sim.telemetry.render_workloads import Json


def columns(body: Json) -> list[Any]:
    """CLASS, HOSTS, ADDRESS and PORTS of an Ingress."""
    spec = body.get("spec") or {}
    hosts = list(dict.fromkeys(rule["host"] for rule in spec.get("rules") or () if rule.get("host")))
    found = ((body.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    shown = [*hosts[:3], *([f"+ {len(hosts) - 3} more..."] if len(hosts) > 3 else ())]
    address = ",".join(one.get("ip") or one.get("hostname", "") for one in found)
    return [class_of(body, ()) or "<none>", ",".join(shown) or "*", address, "80, 443" if spec.get("tls") else "80"]
