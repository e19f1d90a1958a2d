"""The plug-ins there are; importing this module registers them."""

from stratus_sim.cluster.admission import (
    immutability,
    limit_range,
    pod_security,
    priority_class,
    quota,
    service_account,
    volume_claim,
    webhooks,
)

PLUGINS = (immutability, limit_range, service_account, pod_security, priority_class, volume_claim, webhooks, quota)
