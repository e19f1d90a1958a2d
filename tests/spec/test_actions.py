"""The catalogue fails closed, each pair is classified once, and no verb may touch what cannot be put back."""

from __future__ import annotations

import pytest

from stratus_spec import CONDITIONS, Reversibility, classify
from stratus_spec.catalogue import CATALOGUE, CUSTOM, VERB, VERBS, Footprint, Scope, class_of, refusal, rows
from stratus_spec.catalogue import losses as lost


@pytest.mark.parametrize("kind", ["Namespace", "PersistentVolume", "PersistentVolumeClaim", "CustomResourceDefinition"])
def test_deleting_data_is_irreversible(kind):
    assert classify("delete", kind).reversibility is Reversibility.IRREVERSIBLE


@pytest.mark.parametrize(
    ("verb", "kind"), [("drain", "Pod"), ("delete", "TidbCluster"), ("", ""), ("Scale", "Deployment"), ("exec", "Pod")]
)
def test_the_unknown_is_irreversible(verb, kind):
    assert classify(verb, kind).reversibility is Reversibility.IRREVERSIBLE


@pytest.mark.parametrize(
    ("verb", "kind", "expected", "condition"),
    [
        ("scale", "Deployment", Reversibility.COMPENSABLE, "rollable"),
        ("set-image", "Deployment", Reversibility.COMPENSABLE, "rollable"),
        ("set-image", "StatefulSet", Reversibility.IRREVERSIBLE, None),
        ("rollout-restart", "Deployment", Reversibility.COMPENSABLE, "rollable"),
        ("rollout-pause", "Deployment", Reversibility.REVERSIBLE, None),
        ("delete", "Pod", Reversibility.COMPENSABLE, "replaceable"),
        ("delete", "Deployment", Reversibility.COMPENSABLE, "rollable"),
        ("delete", "Service", Reversibility.REVERSIBLE, None),
        ("delete", "ConfigMap", Reversibility.REVERSIBLE, None),
        ("delete", "ServiceAccount", Reversibility.COMPENSABLE, "unmounted"),
        ("delete", CUSTOM, Reversibility.COMPENSABLE, "no_finalizers"),
        ("scale", "StatefulSet", Reversibility.COMPENSABLE, "quorum"),
        ("cordon", "Node", Reversibility.REVERSIBLE, None),
        ("drain", "Node", Reversibility.COMPENSABLE, "evictable"),
        ("autoscale", "Deployment", Reversibility.COMPENSABLE, "only_raises"),
        ("create", "HorizontalPodAutoscaler", Reversibility.COMPENSABLE, "only_raises"),
        ("patch", "HorizontalPodAutoscaler", Reversibility.COMPENSABLE, "only_raises"),
        ("delete", "HorizontalPodAutoscaler", Reversibility.REVERSIBLE, None),
        ("expose", "Deployment", Reversibility.REVERSIBLE, None),
    ],
)
def test_classification(verb, kind, expected, condition):
    found = classify(verb, kind)
    assert (found.reversibility, found.condition) == (expected, condition)


def test_the_worst_loss_decides():
    assert class_of(()) is Reversibility.REVERSIBLE
    assert class_of((lost.PODS, lost.VERSION)) is Reversibility.COMPENSABLE
    assert class_of((lost.DATA, lost.PODS)) is class_of((lost.STUCK,)) is Reversibility.IRREVERSIBLE


def test_a_pair_is_listed_once():
    assert len(list(rows())) == len(CATALOGUE)


def test_conditions_are_named_exactly_for_compensable_actions():
    for row in CATALOGUE.values():
        compensable = row.classification.reversibility is Reversibility.COMPENSABLE
        assert (row.condition in CONDITIONS) == compensable, (row.verb, row.kind)
    assert {row.condition for row in CATALOGUE.values()} - {None} == set(CONDITIONS)


def test_every_verb_is_listed_and_every_part_is_a_verb():
    assert {verb for verb, _ in CATALOGUE} == set(VERBS)
    assert {part for verb in VERB.values() for part in verb.parts} <= set(VERBS)


@pytest.mark.parametrize(
    ("verb", "kind", "path", "why"),
    [
        ("scale", "Deployment", ("spec", "replicas"), ""),
        ("scale", "Deployment", ("spec", "{}"), ""),
        ("scale", "Deployment", ("spec", "paused"), "is not what this verb writes"),
        ("set-image", "Deployment", ("spec", "template", "spec", "containers", "[web]", "image"), ""),
        ("set-image", "Deployment", ("spec", "template", "spec", "containers", "[]"), "is not what this verb writes"),
        ("patch", "ConfigMap", ("data", "a"), ""),
        ("patch", "ConfigMap", ("immutable",), "can be set but not set back"),
        ("patch", "Deployment", ("spec", "selector", "matchLabels", "app"), "is immutable"),
        ("patch", "Service", ("spec", "selector", "app"), ""),
        ("patch", "Service", ("metadata", "uid"), "is set by the server alone"),
        ("patch", "Service", ("metadata", "finalizers"), "can be set but not set back"),
        ("patch", "Service", ("metadata", "ownerReferences", "[x]", "uid"), ""),
        ("replace", "Service", ("kind",), "says which object it is"),
    ],
)
def test_what_an_update_may_touch(verb, kind, path, why):
    said = refusal(kind, VERB[verb].writes, [path], update=True)
    assert (why in said) if why else said == ""


def test_a_creation_may_set_everything_but_what_the_server_sets():
    everything = VERB["create"].writes
    assert refusal("Deployment", everything, [("kind",), ("spec", "selector", "matchLabels")], update=False) == ""
    assert "server" in refusal("Deployment", everything, [("metadata", "uid")], update=False)


def test_patterns():
    found = Footprint(("a * c", "d [*] **"))
    inside = [("a", "b", "c"), ("a",), ("a", "{}"), ("a", "b", "{}"), ("d", "[x]"), ("d", "[x]", "y", "z"), ("d", "{}")]
    outside = [("a", "b", "c", "e"), ("d", "[]"), ("d", "x"), ("c",), (), ("{}",)]
    assert all(map(found.covers, inside))
    assert not any(map(found.covers, outside))
    assert not Footprint(("a b",), around=False).covers(("a",))


def test_every_verb_says_how_it_is_taken_back():
    assert {verb.undo for verb in VERB.values() if verb.scope is Scope.CREATE and not verb.parts} == {
        "remove every field: delete the object"
    }
    assert all(verb.undo and verb.command and verb.precondition for verb in VERB.values())
