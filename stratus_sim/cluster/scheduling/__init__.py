"""How the scheduler decides: one module a filter, scores, pre-emption, and the words for it.

Follows kubernetes.io/docs/concepts/scheduling-eviction and kubernetes.io/docs/reference/scheduling/config ("Scheduling
plugins"): filters in the order of kube-scheduler's default profile; the first that refuses a node gives the reason.
"""
