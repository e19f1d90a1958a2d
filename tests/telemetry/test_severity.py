"""Three oracles, one number: what counts as worse, and what does not pass for a repair."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stratus_sim.cluster import api
from stratus_sim.cluster.merge import strategic_merge
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.kernel import SECOND_US
from stratus_sim.telemetry.alerts import firing
from stratus_sim.telemetry.severity import HEALTHY, Severity, measure, no_worse, unwell
from stratus_sim.world import World

GEO = ObjectKey("Deployment", "hotel", "geo")
severities = st.builds(Severity, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))


@given(severities, severities, severities)
def test_the_order_is_a_total_preorder(a: Severity, b: Severity, c: Severity) -> None:
    assert no_worse(a, a)
    assert no_worse(a, b) or no_worse(b, a)
    assert no_worse(a, c) or not (no_worse(a, b) and no_worse(b, c))


@given(severities)
def test_more_of_anything_is_worse(a: Severity) -> None:
    for worse in (a._replace(components=9), a._replace(requests=9), a._replace(alerts=9)):
        assert not no_worse(worse, a)


def test_a_standing_application_is_healthy(hotel: World) -> None:
    assert measure(hotel) == HEALTHY


def test_scaling_a_broken_workload_to_zero_or_deleting_it_is_no_repair(hotel: World) -> None:
    broken = {"spec": {"template": {"spec": {"containers": [{"name": "geo", "image": "x:none"}]}, "x": None}}}
    api.put(hotel, strategic_merge(hotel.store.get(GEO).manifest, broken), "test")
    hotel.run_for(120 * SECOND_US)
    sick = measure(hotel)
    assert sick.scalar > 0
    gone = hotel.fork()
    api.put(hotel, strategic_merge(hotel.store.get(GEO).manifest, {"spec": {"replicas": 0}}), "test")
    api.delete(gone, GEO, "test")
    for world in (hotel, gone):
        world.run_for(120 * SECOND_US)
        assert not no_worse(measure(world), sick)
        assert unwell(world)["hotel/geo"] == 1000


def test_an_alert_fires_after_its_for_and_not_before(hotel: World) -> None:
    api.put(hotel, strategic_merge(hotel.store.get(GEO).manifest, {"spec": {"replicas": 0}}), "test")
    hotel.run_for(30 * SECOND_US)
    assert firing(hotel) == []
    hotel.run_for(60 * SECOND_US)
    assert {"HighRequestErrorRate"} == {alert.name for alert in firing(hotel)}


def test_alerts_clear_when_the_condition_is_gone(hotel: World) -> None:
    api.put(hotel, strategic_merge(hotel.store.get(GEO).manifest, {"spec": {"replicas": 0}}), "test")
    hotel.run_for(120 * SECOND_US)
    assert firing(hotel)
    api.put(hotel, strategic_merge(hotel.store.get(GEO).manifest, {"spec": {"replicas": 1}}), "test")
    hotel.run_for(60 * SECOND_US)
    assert firing(hotel) == []
