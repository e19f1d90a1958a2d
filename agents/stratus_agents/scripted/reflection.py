"""The scripted model as a reflection model: it adds a rule that the symptoms in the feedback bring to mind.

It does not know which of its ideas are any good: some repair, some only fit the one fault, some are mere beliefs. To
tell them apart is what the metric is for.
"""

from __future__ import annotations

import re

from stratus_agents.scripted.repairs import BELIEFS, GENERAL, RULES
from stratus_sim.kernel.streams import draw_bits

_SENTENCES = {rule.name: rule.sentence for rule in (*BELIEFS, *RULES, GENERAL)}
_NOT_READY = ("rollout", "delete", "again", "cordon")
_IDEAS = (
    (r"ImagePull", ("image", *_NOT_READY)),
    (r"\b0/[1-9]\d* +Pending", ("unschedulable", *_NOT_READY)),
    (r"\b0/[1-9]\d* +Running", ("probe", *_NOT_READY)),
    (r"OOMKilled", ("memory", *_NOT_READY)),
    (r"\b\d+/0\b", ("scale", "restart")),
    (r"connection refused|no such host", ("port", "caller", "restart")),
    (r"deadline exceeded", ("chaos", "restart")),
    (r"\bNotReady\b", ("node", "cordon")),
)
"""What a symptom brings to mind, as names of rules."""


def reflect(prompt: str, seed: int) -> str:
    """The instructions between the first fences with one more rule; as they are when nothing comes to mind."""
    _, instructions, rest = [*prompt.split("```", 2), "", ""][:3]
    instructions = instructions.strip("\n")
    names = sorted({name for symptom, names in _IDEAS for name in names if re.search(symptom, rest)})
    ideas = [_SENTENCES[name] for name in names if _SENTENCES[name] not in instructions]
    if not ideas:
        return f"```\n{instructions}\n```"
    idea = min(ideas, key=lambda sentence: draw_bits(seed, "scripted", sentence, 0))
    return f"```\n{instructions}\n- {idea}\n```"
