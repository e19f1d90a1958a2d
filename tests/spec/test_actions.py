"""The catalogue fails closed, and each pair is classified once."""

import pytest

from stratus_spec import CONDITIONS, Reversibility, classify
from stratus_spec.actions import CATALOGUE, CUSTOM, VERBS, rows


@pytest.mark.parametrize("kind", ["Namespace", "PersistentVolume", "PersistentVolumeClaim", "CustomResourceDefinition"])
def test_deleting_data_is_irreversible(kind):
    assert classify("delete", kind).reversibility is Reversibility.IRREVERSIBLE


@pytest.mark.parametrize(
    ("verb", "kind"), [("drain", "Node"), ("delete", "TidbCluster"), ("", ""), ("Scale", "Deployment")]
)
def test_the_unknown_is_irreversible(verb, kind):
    assert classify(verb, kind).reversibility is Reversibility.IRREVERSIBLE


@pytest.mark.parametrize(
    ("verb", "kind", "expected"),
    [
        ("scale", "Deployment", Reversibility.REVERSIBLE),
        ("set-image", "Deployment", Reversibility.REVERSIBLE),
        ("rollout-undo", "Deployment", Reversibility.REVERSIBLE),
        ("rollout-restart", "Deployment", Reversibility.COMPENSABLE),
        ("delete", "Pod", Reversibility.COMPENSABLE),
        ("delete", "Deployment", Reversibility.COMPENSABLE),
        ("delete", "Service", Reversibility.REVERSIBLE),
        ("delete", "ConfigMap", Reversibility.REVERSIBLE),
        ("delete", CUSTOM, Reversibility.COMPENSABLE),
        ("scale", "StatefulSet", Reversibility.COMPENSABLE),
        ("cordon", "Node", Reversibility.REVERSIBLE),
    ],
)
def test_classification(verb, kind, expected):
    assert classify(verb, kind).reversibility is expected


def test_a_pair_is_listed_once():
    assert len(list(rows())) == len(CATALOGUE)


def test_conditions_are_named_exactly_for_compensable_actions():
    for (verb, kind), found in CATALOGUE.items():
        assert (found.condition in CONDITIONS) == (found.reversibility is Reversibility.COMPENSABLE), (
            verb,
            kind,
        )
    assert {found.condition for found in CATALOGUE.values()} - {None} == set(CONDITIONS)


def test_every_verb_is_listed():
    assert {verb for verb, _ in CATALOGUE} == set(VERBS)
