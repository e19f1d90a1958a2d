"""`kubectl` lines: what a shell would do is refused, reads answer as kubectl does, writes become actions."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stratus_agents import kubectl
from stratus_agents.kubectl import Refused
from stratus_agents.kubectl.writes import ACTIONS
from stratus_sim.cluster import api, events
from stratus_sim.cluster.actions import InvalidAction, effect
from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.faults import inject
from stratus_sim.telemetry.observation import observe
from stratus_sim.world import World
from stratus_spec.catalogue import VERBS
from tests.agents.harness import change
from tests.conftest import standing


def said(world: World, line: str) -> str:
    return kubectl.answer(kubectl.parse(line, "hotel"), observe(world))


def action(line: str, manifest: str = "") -> str:
    return str(kubectl.as_action(kubectl.parse(line, "hotel"), manifest))


@pytest.mark.parametrize(
    "line",
    [
        "kubectl get pods | grep geo",
        "kubectl get pods; kubectl delete pod x",
        "kubectl get pods && kubectl delete pod x",
        "kubectl get pods > out",
        "kubectl apply -f - < file",
        "kubectl get pods `id`",
        "kubectl get pods $(id)",
        'kubectl get pods "$(id)"',
        'kubectl get pods "`id`"',
        "kubectl get pods ${HOME}",
        "kubectl get pods $HOME",
        "kubectl get pods\nkubectl delete pod x",
        "kubectl get pods '\n'",
        "kubectl get pods &",
        "(kubectl get pods)",
    ],
)
def test_what_a_shell_would_interpret_is_refused(line: str) -> None:
    with pytest.raises(Refused, match="there is no shell"):
        kubectl.parse(line, "hotel")


def test_quoted_text_is_text() -> None:
    line = """kubectl patch cm/x -p '{"data": {"a": "$(x) | y; `z` > & $HOME", "$patch": "delete"}}'"""
    assert "$(x) | y" in str(dict(kubectl.as_action(kubectl.parse(line, "hotel")).arguments))


@pytest.mark.parametrize(
    ("line", "means"),
    [
        ("kubectl scale deployment/geo --replicas=2", "scale deployment/geo replicas=2 -n hotel"),
        ("kubectl scale deploy geo --replicas 2 -n other", "scale deploy/geo replicas=2 -n other"),
        ("scale deployment/geo --replicas=2 -nother", "scale deployment/geo replicas=2 -n other"),
        ("kubectl set image deployment/geo geo=geo:2", "set-image deployment/geo container=geo image=geo:2 -n hotel"),
        ("kubectl set env deployment/geo A=b C-", "set-env deployment/geo env={'A': 'b', 'C': None} -n hotel"),
        (
            "kubectl set resources deployment geo -c geo --limits=cpu=1,memory=64Mi",
            "set-resources deployment/geo container=geo limits={'cpu': '1', 'memory': '64Mi'} -n hotel",
        ),
        ("kubectl patch svc geo -p '{\"spec\": {}}'", "patch svc/geo patch={'spec': {}} -n hotel"),
        (
            'kubectl patch svc geo --type=merge -p \'{"spec": {"ports": []}}\'',
            "patch svc/geo patch={'spec': {'ports': []}} type=merge -n hotel",
        ),
        (
            """kubectl patch svc geo --type json -p '[{"op": "remove", "path": "/spec"}]'""",
            "patch svc/geo patch=[{'op': 'remove', 'path': '/spec'}] type=json -n hotel",
        ),
        (
            "kubectl set resources deploy/geo --limits=cpu=1 --limits=memory=64Mi",
            "set-resources deploy/geo limits={'cpu': '1', 'memory': '64Mi'} -n hotel",
        ),
        ("kubectl scale deploy/geo --replicas=1 --replicas=2", "scale deploy/geo replicas=2 -n hotel"),
        ("kubectl delete pod geo-1", "delete pod/geo-1 -n hotel"),
        ("kubectl rollout undo deployment/geo --to-revision=3", "rollout-undo deployment/geo revision=3 -n hotel"),
        ("kubectl rollout restart deployment geo", "rollout-restart deployment/geo -n hotel"),
        ("kubectl cordon node-1", "cordon node/node-1 -n hotel"),
        ("kubectl uncordon node/node-1", "uncordon node/node-1 -n hotel"),
        ("kubectl drain node-1 --ignore-daemonsets", "drain node/node-1 -n hotel"),
        (
            "kubectl taint nodes node-1 a=b:NoSchedule c:NoExecute-",
            "taint nodes/node-1 taints=['a=b:NoSchedule', 'c:NoExecute-'] -n hotel",
        ),
        ("kubectl label svc geo a=b c-", "label svc/geo labels={'a': 'b', 'c': None} -n hotel"),
        ("kubectl annotate svc/geo a=b --overwrite", "annotate svc/geo annotations={'a': 'b'} -n hotel"),
        ("kubectl rollout pause deployment/geo", "rollout-pause deployment/geo -n hotel"),
        ("kubectl rollout resume deploy geo", "rollout-resume deploy/geo -n hotel"),
        (
            "kubectl expose deployment geo --port=80 --target-port=8083 --name=front",
            "expose deployment/geo name=front port=80 target_port=8083 -n hotel",
        ),
        (
            "kubectl autoscale deployment geo --min=2 --max=4 --cpu-percent=70",
            "autoscale deployment/geo cpu_percent=70 max=4 min=2 -n hotel",
        ),
    ],
)
def test_writes_become_actions(line: str, means: str) -> None:
    command = kubectl.parse(line, "hotel")
    assert kubectl.writes(command)
    assert str(kubectl.as_action(command)) == means


def test_every_write_the_runtime_knows_has_a_line() -> None:
    """All but what kubectl has no line for, or what patch is for; and what is never run."""
    assert {*ACTIONS} == {*VERBS} - {"evict", "set-probes", "exec"}


def test_manifests_come_beside_the_line() -> None:
    made = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: b}\n"
    assert "'namespace': 'hotel'" in str(
        dict(kubectl.as_action(kubectl.parse("kubectl apply -f -", "hotel"), made).arguments)
    )
    line = "kubectl create configmap x --from-literal=a=b,c --from-literal=d="
    literal = kubectl.as_action(kubectl.parse(line, "hotel"))
    assert literal.arguments["manifest"]["data"] == {"a": "b,c", "d": ""}


@pytest.mark.parametrize(
    ("line", "manifest", "why"),
    [
        ("kubectl exec -it geo -- sh", "", "flag -i is not supported"),
        ("kubectl exec geo -- id", "", "nobody knows what a command does"),
        ("kubectl edit svc geo", "", "use kubectl patch"),
        ("kubectl explain pods", "", "rollout undo"),
        ("kubectl taint node node-1", "", "KEY=VALUE:EFFECT"),
        ("kubectl label svc geo", "", "at least one NAME=VALUE"),
        ("kubectl expose deployment geo", "", "--port"),
        ("kubectl autoscale deployment geo --max=x", "", "--max=x: expected a number"),
        ("kubectl scale deployment/geo", "", "--replicas"),
        ("kubectl scale deployment/geo --replicas=-1", "", "--replicas"),
        ("kubectl delete pods --all", "", "flag --all"),
        ("kubectl delete pod a b", "", "one object per line"),
        ("kubectl delete pod/a pod/b", "", "one object per line"),
        ("kubectl delete pod a -A", "", "name one namespace"),
        ("kubectl patch svc geo -p nonsense", "", "not JSON"),
        ("kubectl patch svc geo --type=json -p '{}'", "", "a list of operations, as in"),
        ("kubectl patch svc geo --type=merge -p '[]'", "", "expected a JSON object"),
        ("kubectl patch secret x --type=json -p '[]'", "", "send a merge patch"),
        ("kubectl patch svc geo -p '" + '{"a":' * 60 + "1" + "}" * 60 + "'", "", "nested more than"),
        ("kubectl patch svc geo -p '" + "[" * 3000 + "'", "", "not JSON"),
        ("kubectl patch svc geo -p '{\"a\": NaN}'", "", "out of range"),
        ("kubectl patch svc geo -p '{\"a\": 1e999}'", "", "out of range"),
        ("kubectl patch svc geo -p '{\"a\": 99999999999999999999}'", "", "out of range"),
        ('kubectl patch svc geo -p \'{"a": "\\ud800"}\'', "", "surrogate"),
        ("kubectl scale deployment/geo --replicas=" + "9" * 5000, "", "at most 9 digits"),
        ("kubectl rollout undo deployment/geo --to-revision=" + "9" * 5000, "", "at most 9 digits"),
        ("kubectl apply -f -", "a: &a [*a]", "aliases"),
        ("kubectl apply -f -", "a: " + "[" * 3000 + "]" * 3000, "not YAML"),
        ("kubectl apply -f -", "a: .inf", "out of range"),
        ("kubectl create configmap x --from-literal=a", "", "KEY=VALUE"),
        ("kubectl set image deployment/geo geo=", "", "CONTAINER=IMAGE"),
        ("kubectl set env deployment/geo =b", "", "NAME=VALUE"),
        ("kubectl apply -f app.yaml", "kind: x", "there are no files"),
        ("kubectl apply -f -", "", "give the text"),
        ("kubectl apply -f -", "a: [", "not YAML"),
        ("kubectl apply -f -", "a: 1\n---\nb: 2", "exactly one"),
        ("kubectl apply -f -", "kind: ConfigMap", "metadata.name"),
        ("kubectl set image deployment/geo", "", "CONTAINER=IMAGE"),
        ("kubectl set env deployment/geo", "", "NAME=VALUE"),
        ("kubectl rollout cancel deployment/geo", "", "expected one of"),
        ("kubectl delete pod/x -n", "", "flag -n needs an argument"),
        ("kubectl scale deployment/geo --replicas", "", "flag --replicas needs an argument"),
        ("kubectl", "", "empty line"),
        ("", "", "empty line"),
        ("kubectl get pods 'x", "", "quotes"),
        ("kubectl get pods " + "x" * 9000, "", "characters"),
    ],
)
def test_what_nobody_carries_out_is_refused_with_a_reason(line: str, manifest: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        action(line, manifest)
    assert why in str(refused.value)


WRITES = {
    "annotate": "deployment/geo a=b", "apply": "-f -", "autoscale": "deployment/geo --max=3", "cordon": "node-1",
    "create": "configmap c --from-literal=a=b", "delete": "pod/x", "drain": "node-1",
    "expose": "deployment/geo --port=80",
    "label": "deployment/geo a=b", "patch": "svc geo -p '{}'", "replace": "-f -", "rollout pause": "deployment/geo",
    "rollout restart": "deployment/geo", "rollout resume": "deployment/geo", "rollout undo": "deployment/geo",
    "scale": "deployment/geo --replicas=1", "set env": "deployment/geo A=b", "set image": "deployment/geo geo=x:1",
    "set resources": "deployment/geo --limits=cpu=1", "taint": "node node-1 a=b:NoSchedule", "uncordon": "node-1",
}  # fmt: skip
MANIFEST = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}"


def test_every_write_is_tried_with_a_flag_of_another_verb() -> None:
    assert {verb.replace(" ", "-") for verb in WRITES} == ACTIONS.keys()


@pytest.mark.parametrize("verb", WRITES)
def test_a_write_refuses_the_flags_of_other_verbs(verb: str) -> None:
    line = f"kubectl {verb} {WRITES[verb]}"
    assert action(line, MANIFEST)
    with pytest.raises(Refused, match="flag previous is not supported here"):
        action(f"{line} --previous", MANIFEST)


@pytest.mark.parametrize("verb", ["get pods", "describe pods", "events", "top pods", "rollout status deployment/geo"])
def test_a_read_refuses_the_flags_of_other_verbs(hotel: World, verb: str) -> None:
    with pytest.raises(Refused, match="flag previous is not supported here"):
        said(hotel, f"kubectl {verb} --previous")


def test_a_pod_is_asked_about_alone(hotel: World) -> None:
    assert "frontend" not in said(hotel, "kubectl top pod geo-x-y")
    assert "frontend" in said(hotel, "kubectl top pods")


def test_events_say_what_they_are_about(hotel: World) -> None:
    change(hotel, "geo", {"containers": [{"name": "geo", "image": "geo:none"}]})
    lines = [line for line in said(hotel, "kubectl events").splitlines() if "Failed" in line]
    assert lines and all("pod/geo-" in line for line in lines)


def test_a_node_is_described_with_its_events(hotel: World) -> None:
    inject.schedule(hotel, 0, "kubelet-crash", ObjectKey("Node", "", "node-1"))
    hotel.run_for(120_000_000)
    assert "NodeNotReady" in said(hotel, "kubectl describe node node-1")
    rows = {row.split()[0]: row.split()[1] for row in said(hotel, "kubectl get nodes").splitlines()[1:]}
    assert [name for name, status in rows.items() if status == "NotReady"] == ["node-1"]


def test_tables_look_like_kubectls(hotel: World) -> None:
    header, first, *_ = said(hotel, "kubectl get deployments").splitlines()
    assert header.split() == ["NAMESPACE", "NAME", "READY", "UP-TO-DATE", "AVAILABLE"]
    assert first.split() == ["hotel", "frontend", "2/2", "2", "2"]
    assert said(hotel, "kubectl get po -l app=geo -o name").startswith("pod/geo-")
    assert "8083->8083" in said(hotel, "kubectl get svc geo")
    assert said(hotel, "kubectl get all,nodes -A".replace("all,", "")).split()[:2] == ["NAME", "STATUS"]


@pytest.mark.parametrize(
    ("line", "contains"),
    [
        ("kubectl describe deployment geo", "containerPort: 8083"),
        ("kubectl get deployment geo -o yaml", "kind: Deployment"),
        ("kubectl get deployment geo -o json", '"kind": "Deployment"'),
        ("kubectl get deployments,services -o wide", "SELECTOR"),
        ("kubectl get rs", "DESIRED"),
        ("kubectl get pods -o wide", "app=geo"),
        ("kubectl get svc geo -o wide", "app=geo"),
        ("kubectl get nodes -o wide", "kubernetes.io/hostname=node-1"),
        ("kubectl get deployments -o yaml", "kind: List"),
        ("kubectl get deployment geo -o json", '{\n "apiVersion": "apps/v1",\n "kind": "Deployment"'),
        ("kubectl get events", "REASON"),
        ("kubectl events -A", "REASON"),
        ("kubectl logs deployment/geo --tail=5", "INFO request served"),
        ("kubectl logs -l app=geo --tail=200", "INFO geo starting"),
        ("kubectl describe pods -l app=geo", "name: geo-"),
        ("kubectl get deployment/geo svc/geo", "ClusterIP"),
        ("kubectl get endpointslices geo", "8083    geo-"),
        ("kubectl get netpol,ing,hpa,ds", "No resources found"),
        ("kubectl get networkpolicies", "No resources found"),
        ("kubectl logs service/geo --tail=200", "INFO geo starting"),
        ("kubectl top pods", "hotel/geo"),
        ("kubectl top pod geo-x-y", "hotel/geo"),
        ("kubectl top pods -n other", "No resources found"),
        ("kubectl rollout status deployment/geo", 'deployment "geo" successfully rolled out'),
        ("kubectl rollout history deployment/geo", "REVISION"),
        ("kubectl get networkchaos -A", "No resources found"),
        ("kubectl get secrets -o yaml", "<redacted>"),
    ],
)
def test_reads_answer(hotel: World, line: str, contains: str) -> None:
    assert contains in said(hotel, line)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("kubectl get pod nobody", "not found"),
        ("kubectl describe deployment nobody", "not found"),
        ("kubectl logs nobody", "not found"),
        ("kubectl get pods -o jsonpath=x", "expected wide"),
        ("kubectl get", "expected a kind"),
        ("kubectl get podds", "resource type 'podds'"),
        ("kubectl get ep", "ask for endpointslices"),
        ("kubectl get pod/x", "not found"),
        ("kubectl get pods --watch", "known: -n"),
        ("kubectl top nodes", "describe node/NAME"),
        ("kubectl rollout status svc/geo", "is not rolled out"),
        ("kubectl logs deployment/geo --tail=" + "9" * 5000, "at most 9 digits"),
        ("kubectl describe", "expected a kind"),
        ("kubectl get pods -l a!=b", "KEY=VALUE"),
        ("kubectl logs geo --tail=x", "expected a number"),
    ],
)
def test_reads_that_cannot_be_answered_say_why(hotel: World, line: str, why: str) -> None:
    with pytest.raises(Refused, match=why.replace("|", r"\|")):
        said(hotel, line)


def test_a_rollout_that_is_stuck_is_not_done(hotel: World) -> None:
    """The old pod still serves while the new one never becomes ready: every count looks well but one."""
    change(hotel, "geo", {"containers": [{"name": "geo", "image": "nowhere/geo:9"}]})
    status = said(hotel, "kubectl rollout status deployment/geo")
    assert status == 'Waiting for deployment "geo" rollout to finish: 1 old replicas are pending termination...'


def test_what_a_definition_names_is_a_kind_even_where_there_is_none_of_it(hotel: World) -> None:
    names = {"kind": "Mesh", "plural": "meshes", "shortNames": ["mh"]}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "meshes.example.org"}, "spec": {"group": "example.org", "names": names},
    }  # fmt: skip
    with pytest.raises(Refused, match="resource type 'meshes'"):
        said(hotel, "kubectl get meshes")
    api.put(hotel, {**definition, "metadata": {"name": "unfinished"}, "spec": {}}, "user")
    api.put(hotel, definition, "user")
    assert {said(hotel, f"kubectl get {word}") for word in ("meshes", "mesh", "mh")} == {
        "No resources found in hotel namespace."
    }


_WORDS = st.sampled_from(
    ["kubectl", "get", "describe", "logs", "set", "image", "env", "rollout", "undo", "patch", "delete", "apply",
     "scale", "pods", "deployment/geo", "deployment", "geo", "/", "a=b", "=", "-n", "-A", "-p", "{}", "'", '"',
     "--replicas=2", "-o", "yaml", "-l", "-f", "-", "--tail", "svc/geo", "node-1", "cordon", "top",
     "events", "secret", "--", "é"]
)  # fmt: skip


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(_WORDS, max_size=7).map(" ".join) | st.text(max_size=40))
@example("kubectl get /")
@example("kubectl logs /")
def test_no_line_ends_in_a_traceback(line: str) -> None:
    world = World(standing())
    try:
        command = kubectl.parse(line, "hotel")
        if kubectl.writes(command):
            effect(world, kubectl.as_action(command, "kind: ConfigMap\nmetadata: {name: x}"))
        else:
            kubectl.answer(command, observe(world))
    except (Refused, InvalidAction):
        pass


@pytest.mark.parametrize("line", ["kubectl events --types=Warning", "kubectl get events --field-selector type=Warning"])
def test_warnings_can_be_asked_for_alone(hotel: World, line: str) -> None:
    geo = next(pod for pod in hotel.store.list("Pod") if pod.key.name.startswith("geo-"))
    events.emit(hotel, geo.key, "Unhealthy", "Readiness probe failed: no", warning=True)
    assert "Created container" in said(hotel, line.split(" -", maxsplit=1)[0])
    assert "Unhealthy" in said(hotel, line)
    assert "Normal" not in said(hotel, line)


def test_events_are_chosen_by_type_alone_and_other_objects_not_by_fields(hotel: World) -> None:
    with pytest.raises(Refused, match="expected type=Warning"):
        said(hotel, "kubectl get events --field-selector reason=BackOff")
    with pytest.raises(Refused):
        said(hotel, "kubectl get pods --field-selector type=Warning")
