"""Prompts are trained offline: the simulator scores them, a model that reads what went wrong rewrites them."""

from stratus_agents.training.metric import Marks, mark
from stratus_agents.training.player import Player
from stratus_agents.training.search import Plan, Trained, learner, train
from stratus_agents.training.splits import Example, Splits, splits

__all__ = ["Example", "Marks", "Plan", "Player", "Splits", "Trained", "learner", "mark", "splits", "train"]
