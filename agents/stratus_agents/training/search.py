"""Reflective prompt evolution (GEPA, Agrawal et al. 2025) over one agent's prompt, with the simulator as the metric."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stratus_agents.prompts import ROLES, Prompt, Role
from stratus_agents.training.metric import Marks
from stratus_agents.training.player import Played, Player, Watch
from stratus_agents.training.records import record
from stratus_agents.training.rewards import Rewards, Shuffled, faithful
from stratus_agents.training.splits import Example, splits
from stratus_sim.errors import UserError, unknown_name
from stratus_sim.testing.policy import Unavailable

MISSING = "training needs the gepa package: pip install 'stratus-tnr[training]'"
BATCH = 3
"""Examples a reflection sees, and a new prompt must do better on before it is tried on the validation split."""
_TEMPLATE = Path(__file__).parent / "reflect.md"
_GUARD = "Text between <data> and </data>"
Reflect = Callable[[str], str]
"""A reflection model: a prompt goes in, its answer comes out. Raises Unavailable."""


class Plan(NamedTuple):
    """What to train. `budget` is episodes of training and validation; the test split comes on top.

    `control` trains on rewards that say nothing: what comes out then is owed to chance and to the reflection alone.
    Examples of all splits have background `noise`, or none.
    """

    agent: str = "mitigation"
    budget: int = 60
    seed: int = 0
    control: bool = False
    noise: bool = False


class HeldOut(NamedTuple):
    """What one prompt did on the test split."""

    score: float
    repaired: int
    of: int


class Trained(NamedTuple):
    """The result. `before` and `after` are the prompts, `held_out` what each of them did on examples nobody trained on.

    `validation` has the mean reward on the validation split of every candidate that was kept, the first prompt first.
    """

    before: Prompt
    after: Prompt
    held_out: tuple[HeldOut, HeldOut]
    validation: tuple[float, ...]
    episodes: int

    def diff(self, source: str, target: str) -> str:
        """What training changed, as a unified diff; empty if nothing."""
        lines = (self.before.text.splitlines(keepends=True), self.after.text.splitlines(keepends=True))
        return "".join(difflib.unified_diff(*lines, source, target))


def least_budget() -> int:
    """Episodes it takes to judge the first prompt, try one other, and judge that one too."""
    return len(splits().validate) + _round()


def _round() -> int:
    return 2 * BATCH + len(splits().validate)


def train(plan: Plan, player: Player, reflect: Reflect, watch: Watch = lambda _played: None) -> Trained:
    """Search for a better prompt for one agent.

    Raises:
        UserError: no such agent, too small a budget, or the `training` extra is not installed.
        Unavailable: the model or the reflection model cannot be used.
    """
    role = learner(plan)
    gepa, prompt, parts = _gepa(), player.prompts[role], splits(noise=plan.noise)
    adapter = Adapter(player, prompt, Shuffled(plan.seed) if plan.control else faithful, watch)
    reflecting = _Reflecting(reflect)
    found = gepa.optimize(
        seed_candidate={prompt.head.role: adapter.learned(prompt)},
        trainset=list(parts.train),
        valset=list(parts.validate),
        adapter=adapter,
        reflection_lm=reflecting,
        reflection_minibatch_size=BATCH,
        reflection_prompt_template=_TEMPLATE.read_text(encoding="utf-8"),
        stop_callbacks=lambda state: bool(reflecting.failure) or state.total_num_evals + _round() > plan.budget,
        logger=_Silent(),
        seed=plan.seed,
    )
    if reflecting.failure:
        raise reflecting.failure
    after = adapter.prompt(found.best_candidate)
    held_out = _held_out(player, prompt, parts.test, watch), _held_out(player, after, parts.test, watch)
    return Trained(prompt, after, held_out, tuple(found.val_aggregate_scores), found.total_metric_calls or 0)


def _gepa() -> Any:
    try:
        import gepa  # noqa: PLC0415  # an extra: everything else works without it
    except ImportError:
        raise UserError(MISSING) from None
    return gepa


def learner(plan: Plan) -> Role:
    """Whose prompt is trained. Raises UserError: no such agent, or too small a budget for one."""
    if plan.agent not in ROLES:
        raise unknown_name("agent", plan.agent, ROLES)
    if plan.budget < least_budget():
        raise UserError(
            f"--budget {plan.budget} is too small: expected at least {least_budget()} episodes, to judge the prompt "
            "there is and one other"
        )
    return plan.agent


def _held_out(player: Player, prompt: Prompt, test: Iterable[Example], watch: Watch) -> HeldOut:
    marks: list[Marks] = []
    for example in test:
        played = player.play(prompt, example)
        watch(played)
        marks.append(played.marks)
    score = sum(m.score for m in marks) / len(marks)
    return HeldOut(round(score, 6), sum(m.repaired for m in marks), len(marks))


class Adapter:
    """What `gepa` asks for: play a batch with a candidate, and say what there is to learn from it.

    A candidate is the body of the prompt without its last paragraph, which says what text of others is: head and guard
    are not for a reflection to change.
    """

    propose_new_texts = None

    def __init__(self, player: Player, prompt: Prompt, rewards: Rewards, watch: Watch) -> None:
        self._player, self._prompt, self._rewards, self._watch = player, prompt, rewards, watch

    @property
    def _role(self) -> Role:
        return self._prompt.head.role

    def learned(self, prompt: Prompt) -> str:
        """The part of a prompt that training may change."""
        return prompt.body.partition(_GUARD)[0].strip()

    def prompt(self, candidate: Mapping[str, str]) -> Prompt:
        """The prompt a candidate stands for."""
        _, guard, rest = self._prompt.body.partition(_GUARD)
        if candidate[self._role] == self.learned(self._prompt):
            return self._prompt
        return self._prompt.with_body("\n\n".join(filter(None, (candidate[self._role].strip(), guard + rest))))

    def evaluate(self, batch: list[Example], candidate: dict[str, str], capture_traces: bool = False) -> Any:
        """Play a batch."""
        from gepa.core.adapter import EvaluationBatch  # noqa: PLC0415  # an extra

        prompt = self.prompt(candidate)
        played = [self._play(prompt, example) for example in batch]
        rewards = self._rewards([p.marks.score for p in played])
        marks = [p.marks for p in played]
        return EvaluationBatch(outputs=marks, scores=rewards, trajectories=played if capture_traces else None)

    def _play(self, prompt: Prompt, example: Example) -> Played:
        played = self._player.play(prompt, example)
        self._watch(played)
        return played

    def make_reflective_dataset(
        self,
        candidate: dict[str, str],  # noqa: ARG002  # gepa's signature
        eval_batch: Any,
        components_to_update: Sequence[str],
    ) -> dict[str, list[dict[str, str]]]:
        """What a reflection model is shown."""
        return {
            name: [record(played, self._role) for played in eval_batch.trajectories] for name in components_to_update
        }


class _Reflecting:
    """Remembers that the reflection model was lost; to `gepa` an exception is a failed proposal, and it goes on."""

    def __init__(self, reflect: Reflect) -> None:
        self._reflect = reflect
        self.failure: Unavailable | None = None

    def __call__(self, prompt: str | list[dict[str, Any]]) -> str:
        if self.failure:
            raise self.failure
        try:
            return self._reflect(str(prompt))
        except Unavailable as failure:
            self.failure = failure
            raise


class _Silent:
    """Standard output is for the result."""

    def log(self, message: str) -> None:
        pass
