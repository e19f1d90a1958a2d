"""The gate: a plan is property-tested in a twin of the cluster, and runs on the cluster only with the certificate."""
