"""The plug-ins there are; importing this module registers them."""

from stratus_sim.cluster.admission import limit_range, pod_security, priority_class, quota, service_account, webhooks

PLUGINS = (limit_range, service_account, pod_security, priority_class, webhooks, quota)
