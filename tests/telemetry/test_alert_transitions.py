"""When alerts begin to wait and when they go, as Prometheus 2.42 answered to the rules over the same series."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from stratus_sim.cluster import nodes
from stratus_sim.cluster.objects import node_key
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.alerts import firing, pending
from stratus_sim.world import World
from tests.application.mesh import deployment, mesh, node_of, scale
from tests.telemetry.manifests import text

MINUTE_US = 60 * SECOND_US
NODES = [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}} for name in ("n", "m")]
Said = set[tuple[str, str]]


def waiting(world: World, *rules: str) -> dict[str, int]:
    """Since when the alerts of some rules wait or fire, in whole seconds."""
    found = (*pending(world), *firing(world))
    return {alert.name: alert.since_us // SECOND_US for alert in found if alert.name in rules}


def reasons(world: World, rule: str) -> Said:
    """Container and reason of each alert of a rule."""
    told = [dict(alert.more) for alert in (*pending(world), *firing(world)) if alert.name == rule]
    return {(one["container"], one["reason"]) for one in told}


def test_one_of_several_missing_replicas_that_comes_back_does_not_make_the_alert_wait_anew() -> None:
    world = mesh("a>b", replicas=3)
    began = world.now_us
    for _ in range(2):
        ready = [pod for pod in world.store.list("Pod") if pod.labels.get("app") == "b" and pod.status.ready]
        world.store.report(ready[0].key, replace(ready[0].status, ready=False, since_us=world.now_us))
        world.run_for(40 * SECOND_US)
    [short] = [alert for alert in firing(world) if alert.name == "KubeDeploymentReplicasMismatch"]
    assert (short.subject, short.since_us) == ("b", began)
    scale(world, "b", 1)
    world.run_for(SECOND_US)
    assert not waiting(world, "KubeDeploymentReplicasMismatch"), "as many as it asks for"


def test_what_waits_for_init_containers_says_so_and_these_have_no_alerts_of_their_own(
    small: Callable[..., World],
) -> None:
    first = {"name": "first", "image": "i", "command": ["sh", "-c", "exit 1"]}
    world = small(text(deployment("late", initContainers=[first])))
    world.run_for(20 * MINUTE_US)
    assert reasons(world, "KubeContainerWaiting") == {("late", "PodInitializing")}
    assert reasons(world, "KubePodCrashLooping") == set()


def test_rules_of_sets_wait_until_nothing_has_moved_for_a_while(small: Callable[..., World]) -> None:
    rules = "KubeStatefulSetReplicasMismatch", "KubeDaemonSetRolloutStuck"
    sets = deployment("db", 2, kind="StatefulSet"), deployment("agent", None, kind="DaemonSet")
    world = small(text(*sets, *NODES))
    world.run_for(20 * MINUTE_US)
    assert waiting(world, *rules) == {}
    lost = node_of(world, "db")
    nodes.crash(world, lost)
    world.run_for(MINUTE_US)
    gone_s = world.store.state.objects[node_key(lost)].status.since_us // SECOND_US
    assert waiting(world, *rules) == {rules[0]: gone_s}, "five minutes after the node was lost, not before"
    world.run_for(5 * MINUTE_US)
    assert waiting(world, *rules) == {rules[1]: gone_s + 300}, "a pod of the set was told to go"
    world.run_for(10 * MINUTE_US)
    assert waiting(world, *rules) == {rules[0]: gone_s + 900, rules[1]: gone_s + 300}
