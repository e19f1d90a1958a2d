"""The scheduler keeps its nodes in order of preference; taking the first that fits is taking the best."""

from __future__ import annotations

from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.cluster.ordered import entries
from stratus_sim.cluster.scheduler import refusal
from stratus_sim.cluster.scheduling.scores import load
from stratus_sim.faults import inject
from stratus_sim.kernel import SECOND_US
from stratus_sim.world import World

NODE = ObjectKey("Node", "", "node-1")


def test_the_order_is_that_of_the_nodes_as_they_are(hotel: World) -> None:
    inject.schedule(hotel, 10 * SECOND_US, "kubelet-crash", NODE)
    for _ in range(20):
        hotel.run_for(40 * SECOND_US)
        assert list(entries(hotel.cluster.ranking)) == sorted(load(node) for node in hotel.store.list("Node"))


def test_a_node_that_leaves_is_no_longer_in_it(hotel: World) -> None:
    hotel.store.remove(NODE)
    assert NODE.name not in [name for _, name in entries(hotel.cluster.ranking)]


def test_a_pod_goes_to_the_emptiest_node_that_takes_it(hotel: World) -> None:
    nodes = hotel.store.list("Node")
    template = next(pod for pod in hotel.store.list("Pod") if pod.owner)
    best = min((node for node in nodes if not refusal(hotel, node, template)), key=load)
    metadata = {"name": "one-more", "namespace": template.key.namespace}
    hotel.store.create({**template.manifest, "metadata": metadata}, status=type(template.status)())
    hotel.run_for(0)
    found = hotel.store.get(ObjectKey("Pod", template.key.namespace, "one-more"))
    assert found is not None
    assert found.status.node == best.key.name
