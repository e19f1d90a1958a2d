"""Policies that need no model, and how to plug one's own."""

from stratus_agents.policies.builtin import POLICIES, BuiltIn
from stratus_agents.policies.loading import load_policy

__all__ = ["POLICIES", "BuiltIn", "load_policy"]
