"""A plan file is read as it stands, or refused by file, action and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from stratus_sim.cluster.actions import Action
from stratus_sim.errors import UserError
from stratus_sim.gate.apply import kinds_of
from stratus_sim.gate.plan import read_plan
from tests.gate import plans
from tests.transaction import small

TEXT = """
# scale the shop up
- {verb: scale, target: deployment/web, arguments: {replicas: 3}, namespace: shop}
- {verb: patch, target: configmap/web, arguments: {patch: {data: {greeting: bye}}}, namespace: shop}
"""


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(TEXT)
    (tmp_path / "plan.json").write_text(
        '[{"verb": "scale", "namespace": "shop", "target": "deployment/web", "arguments": {"replicas": 3}},'
        ' {"arguments": {"patch": {"data": {"greeting": "bye"}}}, "verb": "patch", "target": "configmap/web",'
        ' "namespace": "shop"}]'
    )
    read = [read_plan(tmp_path / name) for name in ("plan.yaml", "plan.json")]
    assert read[0] == read[1] == plans.plan(*plans.GOOD)
    assert read[0].digest == read[1].digest == read_plan(plans.written(tmp_path / "again.yaml", *plans.GOOD)).digest


def test_every_difference_is_another_plan() -> None:
    good = plans.plan(*plans.GOOD)
    others = [plans.plan(*plans.GOOD[::-1]), plans.plan(plans.GOOD[0]), plans.plan(*plans.BAD)]
    assert good.digest not in {other.digest for other in others}


def test_a_plan_says_which_kinds_it_writes() -> None:
    own = {"apiVersion": "example.com/v1", "kind": "Own", "metadata": {"name": "x"}}
    actions = (*plans.GOOD, small.scale(4), Action("apply", "configmap/x", {"manifest": own}, "shop"))
    assert kinds_of(plans.plan(*actions)) == ("ConfigMap", "Deployment", "Own")


def test_an_action_without_namespace_acts_where_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(
        "- {verb: cordon, target: node/a}\n- {verb: delete, target: cm/x, namespace: z}"
    )
    assert [action.namespace for action in read_plan(tmp_path / "plan.yaml", "shop").actions] == ["shop", "z"]
    assert read_plan(tmp_path / "plan.yaml").actions[0].namespace == "default"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no plan"),
        ("[]", "is no plan"),
        ("a: 1", "is no plan"),
        ("[1]", "action 1: 1 is no action"),
        (
            "- {verb: scale, target: deployment/web}\n- {verb: scael, target: x/y}",
            "action 2: unknown verb 'scael': did you",
        ),
        ("- {verb: scale, target: web}", "action 1: target 'web': expected kind/name"),
        ("- {verb: scale}", "action 1: target None"),
        ("- {verb: scale, target: deployment/web, arguments: [3]}", "action 1: arguments [3]: expected a mapping"),
        ("- {verb: scale, target: deployment/web, replicas: 3}", "action 1: unknown field 'replicas'"),
        ("- {verb: scale, target: deployment/web, namespace: 3}", "action 1: namespace 3"),
        ("- {verb: apply, target: cm/x}", "action 1: apply: expected arguments.manifest"),
        ("- {verb: create, target: cm/x, arguments: {manifest: 3}}", "action 1: create: expected arguments.manifest"),
        ("- {verb: [", "is not YAML"),
    ],
)
def test_what_is_no_plan(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        read_plan(tmp_path / "plan.yaml")
    assert said in str(caught.value)
    assert "plan.yaml" in str(caught.value)
