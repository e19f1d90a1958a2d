"""What can be seen of a world: objects, events, logs, metrics, traces, alerts, severity, and the view an agent gets."""
