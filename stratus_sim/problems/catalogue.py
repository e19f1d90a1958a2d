"""The problems on the embedded applications, named `application/fault/target`."""

from __future__ import annotations

from typing import NamedTuple

from stratus_sim.errors import UserError, unknown_name


class Problem(NamedTuple):
    """One problem to repair: `symptom` is what its users would report."""

    application: str
    fault: str
    target: str
    symptom: str

    @property
    def name(self) -> str:
        return f"{self.application}/{self.fault}/{self.target.partition('/')[2]}"


_ALL = (
    Problem("hotel", "service-target-port-misconfig", "Service/geo", "searches fail, every pod looks fine"),
    Problem("hotel", "image-pull-bad-tag", "Deployment/rate", "a roll-out does not finish"),
    Problem("hotel", "scale-to-zero", "Deployment/profile", "hotel pages fail, the workload has no pods"),
    Problem("hotel", "pod-unschedulable-node-selector", "Deployment/user", "a pod stays Pending"),
    Problem("hotel", "readiness-probe-misconfig", "Deployment/search", "a new pod runs but never becomes ready"),
    Problem("hotel", "resource-limit-oom", "Deployment/geo", "a new pod is killed and restarted for ever"),
    Problem("hotel", "configmap-missing", "ConfigMap/profile-config", "pods cannot start"),
    Problem("hotel", "env-var-wrong-value", "Deployment/frontend", "all requests of one kind are refused"),
    Problem("hotel", "network-partition", "Deployment/profile", "calls time out, both sides look fine"),
    Problem("hotel", "kubelet-crash", "Node/node-1", "a node and all its pods are gone"),
)
PROBLEMS = {problem.name: problem for problem in _ALL}


def find_problem(name: str) -> Problem:
    """The problem of this name; a part of it is enough when only one problem has it.

    Raises:
        UserError: none, or several, are called that.
    """
    matches = [problem for full, problem in PROBLEMS.items() if name == full or name in full]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise UserError(f"problem {name!r}: could be {', '.join(p.name for p in matches)}: say more of its name")
    raise unknown_name("problem", name, PROBLEMS)
