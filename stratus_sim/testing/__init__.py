"""Property-based testing of agent policies: scenarios, episodes, verdicts."""
