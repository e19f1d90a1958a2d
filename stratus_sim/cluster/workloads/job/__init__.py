"""Job controller: pods that end, until enough of them ended well.

Follows kubernetes.io/docs/concepts/workloads/controllers/job and the controller of Kubernetes 1.33: `terms` reads the
spec, `counting` counts each pod that has ended, `failures` what its failure policy makes of that, `criteria` says when
the job is over, `sizing` brings and takes pods away, `controller` is the work queue. Where docs and source differ
(the longest back-off) the source is followed.
"""

from stratus_sim.cluster.workloads.job import controller, counting
from stratus_sim.cluster.workloads.job.terms import OWNER, back_off_limit, completions, uid_label, waits_for_end

__all__ = ["OWNER", "back_off_limit", "completions", "controller", "counting", "uid_label", "waits_for_end"]
