"""`kubectl` lines without a shell: parsed here, answered from an observation, or turned into actions."""

from stratus_agents.kubectl.line import Command, Refused, parse
from stratus_agents.kubectl.reads import answer
from stratus_agents.kubectl.writes import as_action, writes

__all__ = ["Command", "Refused", "answer", "as_action", "parse", "writes"]
