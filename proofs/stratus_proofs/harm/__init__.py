"""What it does to a cluster to drop a guard: one run played in two simulated worlds, and the harm measured there."""
