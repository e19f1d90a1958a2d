"""`kubectl` lines: what a shell would do is refused, reads answer as kubectl does, writes become actions."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stratus_agents import kubectl
from stratus_agents.kubectl import Refused
from stratus_sim.cluster.actions import InvalidAction, effect
from stratus_sim.telemetry.observation import observe
from stratus_sim.world import World
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
        ("kubectl patch svc geo --type=merge -p '{\"spec\": {}}'", "patch svc/geo patch={'spec': {}} -n hotel"),
        ("kubectl delete pod geo-1", "delete pod/geo-1 -n hotel"),
        ("kubectl rollout undo deployment/geo --to-revision=3", "rollout-undo deployment/geo revision=3 -n hotel"),
        ("kubectl rollout restart deployment geo", "rollout-restart deployment/geo -n hotel"),
        ("kubectl cordon node-1", "cordon node/node-1 -n hotel"),
        ("kubectl uncordon node/node-1", "uncordon node/node-1 -n hotel"),
    ],
)
def test_writes_become_actions(line: str, means: str) -> None:
    command = kubectl.parse(line, "hotel")
    assert kubectl.writes(command)
    assert str(kubectl.as_action(command)) == means


def test_manifests_come_beside_the_line() -> None:
    made = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: b}\n"
    assert "'namespace': 'hotel'" in str(
        dict(kubectl.as_action(kubectl.parse("kubectl apply -f -", "hotel"), made).arguments)
    )
    literal = kubectl.as_action(kubectl.parse("kubectl create configmap x --from-literal=a=b", "hotel"))
    assert literal.arguments["manifest"]["data"] == {"a": "b"}


@pytest.mark.parametrize(
    ("line", "manifest", "why"),
    [
        ("kubectl exec -it geo -- sh", "", "flag -i is not supported"),
        ("kubectl exec geo", "", "kubectl exec is not available"),
        ("kubectl drain node-1", "", "kubectl drain is not available"),
        ("kubectl scale deployment/geo", "", "--replicas"),
        ("kubectl scale deployment/geo --replicas=-1", "", "--replicas"),
        ("kubectl delete pods --all", "", "flag --all"),
        ("kubectl delete pod a b", "", "one object per line"),
        ("kubectl delete pod/a pod/b", "", "one object per line"),
        ("kubectl delete pod a -A", "", "name one namespace"),
        ("kubectl patch svc geo -p nonsense", "", "not JSON"),
        ("kubectl patch svc geo --type=json -p '{}'", "", "strategic"),
        ("kubectl patch svc geo --type=merge -p '{\"a\": []}'", "", "strategic"),
        ("kubectl apply -f app.yaml", "kind: x", "there are no files"),
        ("kubectl apply -f -", "", "give the text"),
        ("kubectl apply -f -", "a: [", "not YAML"),
        ("kubectl apply -f -", "a: 1\n---\nb: 2", "exactly one"),
        ("kubectl apply -f -", "kind: ConfigMap", "metadata.name"),
        ("kubectl set image deployment/geo", "", "CONTAINER=IMAGE"),
        ("kubectl set env deployment/geo", "", "NAME=VALUE"),
        ("kubectl rollout pause deployment/geo", "", "expected one of"),
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
        ("kubectl get events", "REASON"),
        ("kubectl events -A", "REASON"),
        ("kubectl logs deployment/geo --tail=5", "INFO geo starting"),
        ("kubectl logs -l app=geo", "INFO geo starting"),
        ("kubectl top pods", "CPU%"),
        ("kubectl rollout status deployment/geo", "successfully rolled out"),
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
        ("kubectl describe", "expected KIND/NAME"),
        ("kubectl get pods -l a!=b", "KEY=VALUE"),
        ("kubectl logs geo --tail=x", "expected a number"),
    ],
)
def test_reads_that_cannot_be_answered_say_why(hotel: World, line: str, why: str) -> None:
    with pytest.raises(Refused, match=why.replace("|", r"\|")):
        said(hotel, line)


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
