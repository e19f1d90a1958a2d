"""A scripted model: a real HTTP server that speaks the OpenAI protocol and answers from rules, not from weights.

Anything it does says something about the machinery around a model, and nothing about models.
"""

from stratus_agents.scripted.mind import Mistakes
from stratus_agents.scripted.repairs import RULES, Rule
from stratus_agents.scripted.server import MODEL, Server, scripted_model

__all__ = ["MODEL", "RULES", "Mistakes", "Rule", "Server", "scripted_model"]
