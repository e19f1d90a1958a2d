"""What breaks the promises of volumes, deletion, quotas, placing, kubelets and slices."""

from __future__ import annotations

from stratus_sim.cluster import (
    container_status,
    endpoints,
    garbage,
    lifecycle,
    namespaces,
    pods,
    store,
    taint_eviction,
    volumes_protection,
)
from stratus_sim.cluster import volumes_binder as binder
from stratus_sim.cluster import volumes_matching as matching
from stratus_sim.cluster import volumes_reclaim as reclaim
from stratus_sim.cluster.admission import limit_range, quota
from stratus_sim.cluster.kubelet import attach, pressure, restarts
from stratus_sim.cluster.scheduling import filters, preemption, storage
from stratus_sim.cluster.store import Store
from stratus_sim.kernel import SECOND_US
from tests.invariants.grounds import ranks, runs, sets, tenants, volumes
from tests.invariants.promises import deletion, kubelets, placing, quotas, serving
from tests.invariants.promises import volumes as disks
from tests.invariants.steps import Step
from tests.invariants.tales import Tale
from tests.invariants.teeth.sabotage import (
    RUN,
    Tooth,
    always,
    at_once,
    backwards,
    blind,
    counted_anew,
    gracefully,
    nothing,
    offered,
    on_batch,
    on_tenants,
    on_volumes,
    one_sided,
    reborn,
    thrown_away,
)

TEETH = [
    Tooth(
        disks.unrequited, "has v0", binder, "bind", one_sided,
        on_volumes(volumes.Plan((3,), (), ()), Step("claim", 0, 3)),
    ),
    Tooth(
        disks.ill_matched, "in spite of", matching, "_conditions", lambda *_: iter([True]),
        on_volumes(volumes.Plan((0,), (), ()), Step("claim", 24, 3)),
    ),
    Tooth(
        disks.out_of_reach, "out of reach", matching, "reachable", always(True),
        on_volumes(volumes.Plan((0,), (0,), (3,)), Step("cordon", 0, 0), Step("user", 6, 10)),
    ),
    Tooth(
        disks.shared_disks, "have elsewhere", attach, "_users_elsewhere", always([]),
        on_volumes(volumes.Plan((), (0,), (6,)), Step("kill", 0, 45)),
    ),
    Tooth(
        disks.lost_volumes, "has it still|have it still", volumes_protection, "used", always(False),
        on_volumes(volumes.Plan((), (0,), (3,)), Step("class", 2, 45), Step("forget", 0, 3)),
    ),
    Tooth(
        disks.shared_disks, "have too", storage, "_in_use", always(False),
        on_volumes(volumes.Plan((), (12,), (6,)), Step("cordon", 1), Step("cordon", 2), Step("kill", 0, 45)),
    ),
    Tooth(
        disks.lost_volumes, "its policy is Retain", reclaim, "_keep", thrown_away,
        on_volumes(volumes.Plan((3,), (0,), ()), Step("forget", 0, 3)),
    ),
    Tooth(
        disks.unreclaimed, "is offered again", reclaim, "_keep", offered,
        on_volumes(volumes.Plan((3,), (0,), ()), Step("forget", 0, 3)),
    ),
    Tooth(
        deletion.broken_holds, "has gone in spite", store, "finalizers_of", always([]),
        on_tenants(tenants.Plan((), ()), Step("config", 1, 3)),
    ),
    Tooth(
        deletion.closed_namespaces, "being deleted", namespaces, "terminating", always(False),
        on_tenants(tenants.Plan((), ()), Step("config", 3), Step("close"), Step("config", 2, 3)),
    ),
    Tooth(
        deletion.full_namespaces, "are left", garbage, "_empty", at_once,
        on_tenants(tenants.Plan((), ()), Step("config", 3), Step("close")),
    ),
    Tooth(
        deletion.early_owners, "waits for nobody", garbage, "_let_owners_go", nothing,
        on_tenants(tenants.Plan((4,), ()), Step("delete", 6, 45)),
    ),
    Tooth(
        deletion.unchanging, "became 0 at", Store, "configure", reborn,
        on_tenants(tenants.Plan((4,), ()), Step("roll", 0, 3)),
    ),
    Tooth(
        deletion.forgetful_events, "BackOff was counted", restarts, "emit", counted_anew,
        Tale("runs", runs.Plan((6,)), [Step("wait", 0, 400)]),
    ),
    Tooth(
        quotas.overdrawn, "of 3000", quota, "_check", nothing,
        on_tenants(tenants.Plan((4,), (0,)), Step("scale", 4, 10)),
    ),
    Tooth(
        quotas.miscounted, "says", quota, "_add", nothing,
        on_tenants(tenants.Plan((4,), (0,)), Step("scale", 3, 10)),
    ),
    Tooth(
        quotas.unlimited, "nothing is said of cpu", limit_range, "_completed", lambda manifest, _limit: manifest,
        on_tenants(tenants.Plan((16,), (), (0,)), Step("kill", 0, 10)),
    ),
    Tooth(
        quotas.unlimited, "no more than 250m", limit_range, "_violations", always(()),
        on_tenants(tenants.Plan((8,), (), (1,)), Step("scale", 3, 120)),
    ),
    Tooth(
        placing.unjust_preemptions, "has taken the place", preemption, "_below", always(True),
        Tale("ranks", ranks.Plan(1, (25,)), [Step("kill", 0, 10)]),
    ),
    Tooth(
        placing.unjust_evictions, "was evicted before", pressure, "_turn", backwards,
        Tale("ranks", ranks.Plan(1, (50, 161), 3), [Step("kill", 0, 400)]),
    ),
    Tooth(
        placing.needless_evictions, "has room for all", pressure, "_short_mib", always(1),
        Tale("ranks", ranks.Plan(1, (50,), 3), [Step("scale", 2, 45)]),
    ),
    Tooth(
        placing.misplaced, "takes no pods", filters, "refuse", nothing,
        Tale("ranks", ranks.Plan(1, (25,)), [Step("cordon"), Step("kill", 0, 10)]),
    ),
    Tooth(
        placing.unwelcome, "stays on", taint_eviction, "_evict", nothing,
        Tale("sets", sets.Plan(), [Step("taint", 0, 3)]),
    ),
    Tooth(
        kubelets.wandering_phases, "was Running and is Pending", container_status, "_initializes", always(True),
        Tale("runs", runs.Plan((216,)), [Step("crash"), Step("restore", 0, 10)]),
    ),
    Tooth(
        kubelets.lingering, "still there", pods, "end", gracefully,
        on_batch(RUN._replace(ttl_s=20), Step("wait", 0, 120)),
    ),
    Tooth(
        kubelets.LateEnds, "still runs", lifecycle, "termination", always((500 * SECOND_US, False)),
        Tale("runs", runs.Plan((0,)), [Step("kill", 0, 45)]),
    ),
    Tooth(
        kubelets.HastyRestarts, "in a row", restarts, "restart_us", always(0),
        Tale("runs", runs.Plan((3,)), [Step("wait", 0, 120)]),
    ),
    Tooth(
        kubelets.EndlessWaits, "was to wait 400", restarts, "restart_us", always(400 * SECOND_US),
        Tale("runs", runs.Plan((3,)), [Step("wait", 0, 120)]),
    ),
    Tooth(
        serving.wrong_conditions, "lists", endpoints, "_endpoint", blind,
        Tale("runs", runs.Plan((0,)), [Step("kill", 0, 3)]),
    ),
]  # fmt: skip
