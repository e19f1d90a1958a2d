"""What can be seen of a world: alerts, severity and the view an agent gets."""
