"""What a user has on disk: Kubernetes manifests read, their environment resolved, their calls inferred."""
