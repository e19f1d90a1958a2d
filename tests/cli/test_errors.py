"""A user's mistake is one message that says what, where and how to mend it; exit code 2; nothing half-written."""

from __future__ import annotations

from pathlib import Path

import pytest

DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: web:1}]}}
"""


def files(folder: Path) -> dict[str, str]:
    contents = {
        "app.yaml": DEPLOYMENT,
        "broken.yaml": "a: [1\nb: 2\n",
        "list.yaml": "- 1\n- 2\n",
        "settings.yaml": "colour: blue\n",
        "port.yaml": "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {ports: [{port: 65536}]}}\n",
        "home.yaml": DEPLOYMENT.replace("name: web}", "name: web, namespace: The Shop}", 1),
        "plan.yaml": "- {verb: scale, target: deployment/web, arguments: {replicas: 2}}\n",
        "precious.txt": "no newline at the end",
        "replicas.yaml": DEPLOYMENT.replace("  selector", "  replicas: many\n  selector"),
        "memory.yaml": DEPLOYMENT.replace("image: web:1", "image: web:1, resources: {limits: {memory: lots}}"),
        "chart.yaml": DEPLOYMENT.replace("name: web}", "name: '{{ .Values.name }}'}", 1),
        "edge.yaml": "calls: [{from: web, to: nobody}]\n",
        "unknown.yaml": "cals: []\n",
        "call.yaml": "calls: [{from: web, to: web, port: -1}]\n",
        "small.yaml": "profiles: {web: {memory_mib: -5}}\n",
        "noise.jsonl": "hello\n",
        "notpolicy.py": "answer = 42\n",
        "syntax.py": "def act(:\n",
    }
    for name, text in contents.items():
        (folder / name).write_text(text)
    return contents


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["check", "runbok"], "did you mean 'runbook'"),
        (["prove", "--without", "A1", "--case", "g1"], "two questions"),
        (["prove", "--without", "A1", "--spec", "mine:SPEC"], "leave --spec out"),
        (["check", "nowhere.py:act"], "nowhere.py"),
        (["check", "no.such.module:act"], "no.such.module"),
        (["check", "notpolicy.py:answer"], "answer"),
        (["check", "notpolicy.py:missing"], "missing"),
        (["check", "syntax.py:act"], "syntax.py"),
        (["check", "runbook", "--manifests", "nowhere"], "nowhere: no such file or folder"),
        (["check", "runbook", "--manifests", "broken.yaml"], "broken.yaml:"),
        (["check", "runbook", "--manifests", "list.yaml"], "list.yaml:1"),
        (["check", "runbook", "--manifests", "settings.yaml"], "apiVersion"),
        (["check", "runbook", "--manifests", "replicas.yaml"], "replicas"),
        (["check", "runbook", "--manifests", "port.yaml"], "spec.ports[0].port: Expected `int` <= 65535"),
        (["check", "runbook", "--manifests", "home.yaml"], "metadata.namespace: Expected 1 to 63 lowercase letters"),
        (
            ["check", "runbook", "--manifests", "app.yaml", "--namespace", "The Shop"],
            "namespace 'The Shop': expected 1",
        ),
        (["check", "runbook", "--manifests", "memory.yaml"], "limits[...]: Expected a resource quantity, as 100m"),
        (["check", "runbook", "--manifests", "chart.yaml"], "helm template"),
        (["check", "runbook", "--manifests", "app.yaml", "--topology", "edge.yaml"], "nobody"),
        (["check", "runbook", "--manifests", "app.yaml", "--topology", "unknown.yaml"], "cals"),
        (["check", "runbook", "--manifests", "app.yaml", "--topology", "call.yaml"], "Expected `int` >= 1 - at `calls"),
        (["check", "runbook", "--manifests", "app.yaml", "--topology", "small.yaml"], "Expected `int` >= 0"),
        (["check", "runbook", "--app", "motel"], "did you mean 'hotel'"),
        (["check", "runbook", "--examples", "1", "--out", "no/such/folder/x.jsonl"], "cannot be written"),
        (["check", "runbook", "--examples", "1", "--output", "json"], "add --model NAME"),
        (["run"], "expected either PROBLEM"),
        (["run", "hotel/scael-to-zero"], "did you mean"),
        (["run", "--manifests", "app.yaml", "--fault", "scale-to-zer"], "did you mean 'scale-to-zero'"),
        (["run", "--manifests", "app.yaml", "--fault", "scale-to-zero:wob"], "did you mean 'web'"),
        (["run", "--manifests", "app.yaml", "--fault", "configmap-missing"], "nothing to strike"),
        (["run", "hotel/scale-to-zero", "--out", "no/such/folder/run.jsonl"], "cannot be written"),
        (["run", "hotel/scale-to-zero", "--out", "."], "cannot be written: Is a directory"),
        (["run", "hotel/scale-to-zero", "--out", "same", "--journal", "same"], "--journal keeps its own file"),
        (["run", "hotel/scale-to-zero", "--out", "j.cluster", "--journal", "j"], "--journal keeps its own file"),
        (["run", "hotel/scale-to-zero", "--journal", "app.yaml"], "app.yaml:1: damaged line"),
        (["run", "hotel/scale-to-zero", "--journal", "precious.txt"], "precious.txt: holds something else"),
        (["run", "hotel/scale-to-zero", "--max-replies", "3"], "add --model NAME"),
        (["gate", "plan.yaml", "--kubeconfig", "nowhere", "--out", "no/such/folder/c.json"], "cannot be written"),
        (["replay", "nowhere.jsonl"], "nowhere.jsonl"),
        (["replay", "noise.jsonl"], "noise.jsonl:1: not a recorded episode"),
        (["recover", "nowhere.journal"], "no such journal"),
        (["recover", "precious.txt"], "precious.txt: holds something else"),
        (["recover", "/dev/null"], "/dev/null: cannot be opened for writing (it is no file)"),
        (["prove", "--without", "send.fencd"], "send.fenced"),
        (["prove", "--bound", "3"], "--bound goes with --without or --case"),
        (["prove", "--every", "5"], "--every goes with --mutants"),
        (["prove", "--workers", "2"], "--workers goes with --mutants"),
        (["prove", "--mutants", "--over", "phase"], "--over goes with --infer"),
        (["serve", "--speed", "inf"], "--speed"),
        (["explore", "--against", "tlc"], "name it; known: granted"),
        (["frobnicate"], "frobnicate"),
        (["check", "runbok"], "or path/file.py:attr"),
        (["check", "runbook", "--manifests", "app.yaml", "--app", "shop"], "--app shop: --manifests says which"),
        (["check", "runbook", "--manifests", "app.yaml", "--topology", "edge.yaml"], "'nobody': there is none here"),
        (["serve", "hotel/scale-to-zero", "--app", "shop"], "--app shop: PROBLEM says which"),
        (["serve", "--kubeconfig", "precious.txt"], "precious.txt: is there already"),
        (["run", "hotel"], "could be hotel/service-target-port-misconfig/geo, hotel/image-pull"),
        (["run", "hotel/scale-to-zero", "--journal", "no/such/folder/j"], "no/such/folder/j: cannot be written"),
        (["run", "hotel/scale-to-zero", "--journal", "j", "--unprotected"], "leave --journal out"),
        (["prove", "--trace", "precious.txt"], "expected a recorded run or a journal"),
        (["prove", "--trace", "/dev/null"], "/dev/null: is empty; expected a recorded run or a journal"),
        (["train", "mitigaton", "--model", "m", "--reflection-model", "r"], "did you mean 'mitigation'"),
        (["train", "undo", "--model", "m", "--reflection-model", "r", "--budget", "1"], "--budget 1 is too small"),
        (["check", "runbook", "--examples", "0"], "--examples"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_message_and_exit_code_2(stratus, tmp_path: Path, words: list[str], said: str) -> None:
    before = files(tmp_path)
    ran = stratus(*words)
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.name != "__pycache__"} == before
