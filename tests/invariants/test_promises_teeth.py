"""Each promise is one that could be broken: with one rule of the cluster sabotaged, it says so."""

from __future__ import annotations

import pytest

from tests.invariants.promises.every import PROMISES
from tests.invariants.tales import follow
from tests.invariants.teeth import cluster, controllers
from tests.invariants.teeth.sabotage import Tooth

TEETH = (*controllers.TEETH, *cluster.TEETH)


@pytest.mark.parametrize("tooth", TEETH, ids=lambda tooth: f"{tooth.promise.__name__}: {tooth.told}")
def test_a_broken_rule_breaks_its_promise(tooth: Tooth, monkeypatch: pytest.MonkeyPatch) -> None:
    follow(tooth.tale)
    monkeypatch.setattr(tooth.where, tooth.name, tooth.wrong)
    with pytest.raises(AssertionError, match=tooth.told):
        follow(tooth.tale, (tooth.promise,))


def test_every_promise_has_a_tooth() -> None:
    assert {tooth.promise for tooth in TEETH} == {*PROMISES}
