"""The text in `agents/README.md` is true: its example runs, its table is the table."""

from __future__ import annotations

import re
from pathlib import Path

from stratus_agents.kubectl.writes import ACTIONS, READ_VERBS
from stratus_agents.policies import POLICIES, load_policy
from stratus_agents.tools import TOOLS
from stratus_sim.faults import FAULTS, inject
from stratus_sim.testing.episode import play
from stratus_sim.testing.execution import Unprotected
from stratus_sim.world import World
from tests.conftest import ROOT

README = (ROOT / "agents" / "README.md").read_text()


def example() -> str:
    found = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def test_the_example_is_a_policy_that_works(tmp_path: Path, hotel: World) -> None:
    assert len(example().splitlines()) < 25
    name = example().splitlines()[0].removeprefix("# ")
    (tmp_path / name).write_text(example())
    [plugged] = re.findall(r"stratus check (\S+)", README)
    assert plugged.startswith(f"{name}:")
    inject.schedule(hotel, 0, "scale-to-zero", FAULTS["scale-to-zero"].targets(hotel)[1])
    episode = play(hotel, load_policy(f"{tmp_path}/{plugged}"), 0, Unprotected, watch=False)
    assert episode.failure == ""
    assert [str(action) for action, _ in episode.attempts[0].actions] == ["scale deployment/geo replicas=1 -n hotel"]
    assert episode.final.scalar == 0


def test_the_table_of_tools_has_every_tool_and_every_verb() -> None:
    section = README.partition("| tool | gives |")[2].partition("\n\n")[0]
    named = dict(re.findall(r"^\| (`.*?) \| (.*?) \|$", section, re.MULTILINE))
    assert {tool for tools in named for tool in re.findall(r"`(\w+)`", tools)} == {*TOOLS}
    written = {verb.replace(" ", "-") for verb in re.findall(r"`([a-z ]+)`", named["`kubectl_write`"])}
    assert written == {*ACTIONS}
    read = {verb.replace(" ", "-").removesuffix("-pods") for verb in re.findall(r"`([a-z ]+)`", named["`kubectl`"])}
    assert read == {*READ_VERBS}


def test_the_table_lists_the_built_in_policies() -> None:
    section = README.partition("## Built in")[2]
    rows = dict(re.findall(r"^\| `([\w-]+)` \| (.*?) \|$", section, re.MULTILINE))
    assert rows == {name: built_in.summary for name, built_in in POLICIES.items()}
