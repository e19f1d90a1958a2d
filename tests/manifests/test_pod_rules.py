"""What the API server refuses of pods though each field is well-formed, told with its path."""

from __future__ import annotations

from typing import Any

import pytest

from stratus_sim.errors import UserError
from stratus_sim.manifests.shapes import read_shape

Json = dict[str, Any]
ASKS = {"tcpSocket": {"port": 1}}


def container(**fields: Any) -> Json:
    return {"name": "c", "image": "w:1", **fields}


def pod(*containers: Json, **spec: Any) -> Json:
    body = {"containers": list(containers), **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": body}


def workload(kind: str, template: Json, **spec: Any) -> Json:
    body = {"selector": {"matchLabels": {}}, "template": {"spec": template["spec"]}, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "p"}, "spec": body}


MOUNTS = container(volumeMounts=[{"name": "v", "mountPath": "/v"}])
INIT = [container(name="i")]
BROKEN = [
    (
        pod(container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1500m"}})),
        'spec.containers[0].resources: requests: Invalid value: "2": must be less than or equal to cpu limit of 1500m',
    ),
    (pod(container(), container()), 'spec: containers.name: Duplicate value: "c"'),
    (pod(container(), initContainers=[container()]), 'spec: containers.name: Duplicate value: "c"'),
    (pod(container(), volumes=[{"name": "v"}, {"name": "v"}]), 'spec: volumes.name: Duplicate value: "v"'),
    (pod(MOUNTS), 'spec.containers[0].volumeMounts[0].name: Not found: "v"'),
    (workload("Deployment", pod(MOUNTS)), 'template.spec.containers[0].volumeMounts[0].name: Not found: "v"'),
    (
        pod(container(livenessProbe={**ASKS, "successThreshold": 2})),
        "spec.containers[0]: livenessProbe.successThreshold: Invalid value: 2: must be 1",
    ),
    (
        pod(container(startupProbe={**ASKS, "successThreshold": 2})),
        "spec.containers[0]: startupProbe.successThreshold: Invalid value: 2: must be 1",
    ),
    (
        pod(container(readinessProbe={"periodSeconds": 3})),
        "spec.containers[0]: readinessProbe: Required value: must specify a handler type",
    ),
]
WELL = [
    pod(container(resources={"requests": {"cpu": "1500m"}, "limits": {"cpu": "1.5", "memory": "1Gi"}})),
    pod(container(), container(name="d"), initContainers=INIT),
    pod(MOUNTS, volumes=[{"name": "v"}, {"name": "w"}]),
    pod(container(readinessProbe={**ASKS, "successThreshold": 2}, livenessProbe=ASKS)),
    workload("StatefulSet", pod(MOUNTS), volumeClaimTemplates=[{"metadata": {"name": "v"}}]),
]


@pytest.mark.parametrize(("manifest", "told"), BROKEN)
def test_what_is_refused(manifest: Json, told: str) -> None:
    with pytest.raises(UserError) as error:
        read_shape(manifest, "the API server")
    assert str(error.value).endswith(told)


@pytest.mark.parametrize("manifest", WELL)
def test_what_is_not(manifest: Json) -> None:
    assert read_shape(manifest, "the API server").metadata.name == "p"
