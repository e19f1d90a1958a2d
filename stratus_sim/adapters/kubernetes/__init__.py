"""A real Kubernetes API server behind the transaction protocol."""
