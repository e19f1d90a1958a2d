"""Every way a folder of manifests can be right, odd or wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stratus_sim.cluster.objects import ObjectKey
from stratus_sim.errors import UserError
from stratus_sim.genesis import deploy
from stratus_sim.manifests.application import describe
from stratus_sim.manifests.load import load
from stratus_sim.manifests.reader import read_documents

Write = Callable[..., Path]

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          image: web:1
          env: [{name: A, value: "1"}]
"""


def names(path: Path) -> list[str]:
    return [item["metadata"]["name"] for item in load(path).objects]


def value(write: Write, text: str) -> Any:
    return read_documents(write(f"key: {text}\n", "value.yaml"))[0].value["key"]


def test_documents_lists_and_comments(write: Write) -> None:
    file = write(
        "# a header\n---\n# only a comment\n---\n"
        + CONFIG
        + "---\napiVersion: v1\nkind: List\nitems:\n"
        + "- {apiVersion: v1, kind: Secret, metadata: {name: s}}\n"
        + "---\napiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: d}\n"
    )
    manifests = load(file)
    kinds = [(item["kind"], item["metadata"]["name"]) for item in manifests.objects]
    assert kinds == [("ConfigMap", "c"), ("Secret", "s"), ("ConfigMap", "d")]
    assert manifests.warnings == ()


def test_folder_is_read_sorted_and_deep(write: Write, tmp_path: Path) -> None:
    write(CONFIG.replace("name: c", "name: second"), "b/x.yml")
    write(CONFIG.replace("name: c", "name: first"), "a.yaml")
    write(json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "third"}}), "c.json")
    write("not: [yaml", ".hidden/x.yaml")
    write("not: [yaml", "notes.txt")
    assert names(tmp_path) == ["first", "second", "third"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=", "="),
        ("yes", True),
        ("off", False),
        ("y", True),
        ("N", False),
        ("nope", "nope"),
        ("017", 15),
        ("0o17", 15),
        ("0b101", 5),
        ("0x1F", 31),
        ("-0x1F", -31),
        ("1_000", 1000),
        ("1__0", 10),
        ("08", 8),
        ("22:22", "22:22"),
        ("1e3", 1000),
        ("1.0", 1),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        ("2026-08-11", "2026-08-11"),
        ("2026-08-11T10:00:00Z", "2026-08-11T10:00:00Z"),
        ("!!timestamp 2026-08-11", "2026-08-11"),
        ("~", None),
        ("'yes'", "yes"),
    ],
)
def test_scalars_are_read_as_go_yaml_reads_them(write: Write, text: str, expected: object) -> None:
    found = value(write, text)
    assert found == expected and type(found) is type(expected)


def test_equals_in_a_list_is_a_string(write: Write) -> None:
    assert read_documents(write("ops:\n- =\n- '!='\n"))[0].value == {"ops": ["=", "!="]}


def test_keys_become_strings_and_merges_work(write: Write) -> None:
    document = read_documents(write("a: &a {8080: x, yes: y1}\nb: {<<: *a, c: 1}\n"))[0].value
    assert document == {"a": {"8080": "x", "true": "y1"}, "b": {"8080": "x", "true": "y1", "c": 1}}


def test_namespace_defaults(write: Write) -> None:
    cluster_scoped = "---\napiVersion: v1\nkind: Node\nmetadata: {name: n1, namespace: x}\n"
    manifests = load(write(CONFIG + cluster_scoped))
    assert [item["metadata"].get("namespace") for item in manifests.objects] == ["default", None]
    assert load(write(CONFIG), namespace="shop").objects[0]["metadata"]["namespace"] == "shop"


def test_the_only_declared_namespace_is_home(write: Write) -> None:
    space = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"
    manifests = load(write(CONFIG + space))
    assert manifests.objects[0]["metadata"]["namespace"] == "shop"
    assert "placed in 'shop'" in manifests.warnings[0]
    two = load(write(CONFIG + space + space.replace("shop", "other")))
    assert two.objects[0]["metadata"]["namespace"] == "default"


def test_duplicates_last_wins(write: Write) -> None:
    manifests = load(write(CONFIG + "data: {a: old}\n---\n" + CONFIG + "data: {a: new}\n"))
    assert [item["data"] for item in manifests.objects] == [{"a": "new"}]
    assert "ConfigMap default/c is defined more than once" in manifests.warnings[0]


def test_same_name_in_two_namespaces_is_no_duplicate(write: Write) -> None:
    both = load(write(CONFIG + "---\n" + CONFIG.replace("name: c", "name: c, namespace: other")))
    assert len(both.objects) == 2 and both.warnings == ()


def test_unknown_kinds_are_kept(write: Write) -> None:
    manifests = load(write("apiVersion: acme.io/v1\nkind: Rocket\nmetadata: {name: r}\nspec: {fuel: 1}\n"))
    assert manifests.objects[0]["spec"] == {"fuel": 1}
    assert "Rocket (acme.io/v1) is no built-in kind: kept" in manifests.warnings[0]


def test_foreign_group_with_a_builtin_name_is_unknown(write: Write) -> None:
    manifests = load(write("apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: s}\nspec: {}\n"))
    assert "is no built-in kind" in manifests.warnings[0]
    assert manifests.of_kind("Service") == ()
    world = deploy(manifests, describe(manifests))
    assert world.store.get(ObjectKey("Service.serving.knative.dev", "", "s")) is not None


def test_old_versions_are_read_as_the_served_one(write: Write) -> None:
    manifests = load(write(DEPLOYMENT.replace("apps/v1", "extensions/v1beta1")))
    assert manifests.objects[0]["apiVersion"] == "apps/v1"
    assert "extensions/v1beta1 is no longer served" in manifests.warnings[0]


def test_folder_skips_what_is_not_kubernetes(write: Write, tmp_path: Path) -> None:
    write(CONFIG)
    write("services: {web: {}}\n", "compose.yaml")
    write("resources: [app.yaml]\n", "kustomization.yaml")
    manifests = load(tmp_path)
    assert len(manifests.objects) == 1
    assert ["compose.yaml: skipped" in manifests.warnings[0], len(manifests.warnings)] == [True, 2]
    assert "kubectl kustomize" in manifests.warnings[1]


def refused(path: Path, *parts: str) -> None:
    with pytest.raises(UserError) as caught:
        load(path)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_unreadable_path(tmp_path: Path) -> None:
    refused(tmp_path / "none", "none", "no such file or folder")
    (tmp_path / "link.yaml").symlink_to(tmp_path / "link.yaml")
    refused(tmp_path / "link.yaml", "no such file or folder")


def test_empty_folder_and_comment_only_file(tmp_path: Path, write: Write) -> None:
    refused(tmp_path, "no Kubernetes objects found")
    refused(write("# nothing\n"), "no Kubernetes objects found")


def test_not_text(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00k")
    refused(tmp_path, "x.yaml", "not UTF-8")


def test_not_yaml(write: Write) -> None:
    refused(write("a: 1\nb: [1, 2\nc: 3\n"), "app.yaml:3", "is not YAML")
    refused(write('{"a": 1,\n"b" 2}', "x.json"), "x.json:2", "is not JSON")
    refused(write("a: !Ref x\n"), "app.yaml:1", "is not YAML")


def test_yaml_that_is_not_kubernetes(write: Write, tmp_path: Path) -> None:
    refused(write("calls: []\n"), "app.yaml:1", "'apiVersion' and 'kind'")
    refused(tmp_path, "no Kubernetes objects found")
    refused(write("just words\n"), "app.yaml:1", "expected a mapping")
    refused(write(CONFIG + "---\nkind: ConfigMap\n"), "app.yaml:5", "'apiVersion' and 'kind'")
    refused(write("apiVersion: v1\nkind: List\nitems: [{kind: Pod}]\n"), "item of List")


def test_kustomization_alone(write: Write) -> None:
    refused(write("resources: []\n", "kustomization.yaml"), "kubectl kustomize")


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.name }}\n",
        "{{- if .Values.on }}\napiVersion: v1\n{{- end }}\n",
        DEPLOYMENT.replace("web:1", '"{{ .Values.image }}"'),
    ],
)
def test_helm_templates(write: Write, text: str) -> None:
    refused(write(text), "render it first: helm template")


def test_braces_in_config_data_are_data(write: Write) -> None:
    assert load(write(CONFIG + "data: {legend: '{{ .Values.instance }}'}\n")).objects


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("spec:\n  selector", "spec:\n  replicas: two\n  selector", "spec.replicas"),
        ('value: "1"', "value: 8080", "spec.template.spec.containers[0].env[0].value"),
        ('value: "1"', "value: yes", "quote the value"),
        ("{labels: {app: web}}", "{labels: {app: 1}}", "spec.template.metadata.labels[...]"),
        ("image: web:1", "image: web:1\n          ports: [{containerPort: http}]", "containers[0].ports[0]"),
        ("  selector: {matchLabels: {app: web}}\n", "", "`selector`"),
        ("name: web}", "name: 7}", "metadata.name"),
        ("name: web}", "label: x}", "`name`"),
    ],
)
def test_wrong_fields(write: Write, old: str, new: str, field: str) -> None:
    text = DEPLOYMENT.replace(old, new, 1)
    assert text != DEPLOYMENT
    refused(write(text), "app.yaml:2", "Deployment", field)


def test_metadata_is_checked_for_kinds_nobody_knows(write: Write) -> None:
    rocket = "apiVersion: acme.io/v1\nkind: Rocket\nmetadata: {name: r, labels: {a: 1}}\n"
    refused(write(rocket), "Rocket", "metadata.labels")


def test_tool_configuration_is_no_object(write: Write, tmp_path: Path) -> None:
    write(CONFIG)
    tool = write("apiVersion: skaffold/v4beta1\nkind: Config\nbuild: {}\n", "skaffold.yaml")
    assert "skaffold.yaml: skipped" in load(tmp_path).warnings[0]
    refused(tool, "not a Kubernetes object", "a name")


def test_endless_aliases(write: Write) -> None:
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 9)
    )
    refused(write(bomb), "aliases expand without end")
    refused(write("a: &a [*a]\n"), "app.yaml")


@pytest.mark.parametrize(
    ("name", "objects", "warnings"),
    [
        ("bank-of-anthos", 30, 0),
        ("hotel-reservation", 50, 1),
        ("k8s-examples-wordpress", 10, 0),
        ("online-boutique", 48, 0),
        ("otel-demo", 84, 1),
        ("social-network", 82, 1),
    ],
)
def test_public_applications_load(shared: Path, name: str, objects: int, warnings: int) -> None:
    started = time.perf_counter()
    manifests = load(shared / "manifests" / name)
    assert time.perf_counter() - started < 2
    assert (len(manifests.objects), len(manifests.warnings)) == (objects, warnings), manifests.warnings
    json.dumps(manifests.objects)


def test_a_topology_in_the_place_of_manifests(shared: Path) -> None:
    refused(shared / "manifests" / "social-network" / "topology.yaml", "topology.yaml:1", "not a Kubernetes")
