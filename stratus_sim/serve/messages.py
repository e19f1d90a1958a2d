"""The messages of Kubernetes' objects, field by number: those that kubectl's typed commands set.

A field that is not here makes a body unreadable as a whole, because what is not read could be what matters. Source: the
generated.proto of k8s.io/api.
"""

from __future__ import annotations

from collections.abc import Mapping

from stratus_sim.serve.wire import (
    Field,
    Message,
    encoded,
    flag,
    given,
    int_or_string,
    many,
    mapping,
    message,
    number,
    one,
    quantity,
    text_of,
    texts,
)

_METADATA: Message = {
    1: text_of("name"), 2: text_of("generateName"), 3: text_of("namespace"), 4: text_of("selfLink"),
    5: text_of("uid"), 6: text_of("resourceVersion"), 7: Field("generation", number),
    8: one("creationTimestamp", None), 11: mapping("labels"), 12: mapping("annotations"),
    13: many("ownerReferences", {
        1: text_of("kind"), 3: text_of("name"), 4: text_of("uid"), 5: text_of("apiVersion"), 6: flag("controller"),
        7: flag("blockOwnerDeletion"),
    }),
    14: texts("finalizers"),
}  # fmt: skip
_PORT: Message = {
    1: text_of("name"), 2: Field("hostPort", number), 3: Field("containerPort", number), 4: text_of("protocol"),
    5: text_of("hostIP"),
}  # fmt: skip
_CONTAINER: Message = {
    1: text_of("name"), 2: text_of("image"), 3: texts("command"), 4: texts("args"), 5: text_of("workingDir"),
    6: many("ports", _PORT), 7: many("env", {1: text_of("name"), 2: text_of("value")}),
    8: one("resources", {1: mapping("limits", quantity), 2: mapping("requests", quantity)}),
    13: text_of("terminationMessagePath"), 14: text_of("imagePullPolicy"), 16: flag("stdin"), 17: flag("stdinOnce"),
    18: flag("tty"), 20: text_of("terminationMessagePolicy"),
}  # fmt: skip
_POD_SPEC: Message = {
    2: many("containers", _CONTAINER), 3: text_of("restartPolicy"), 4: given("terminationGracePeriodSeconds"),
    5: given("activeDeadlineSeconds"), 6: text_of("dnsPolicy"), 7: mapping("nodeSelector"),
    8: text_of("serviceAccountName"), 9: text_of("serviceAccount"), 10: text_of("nodeName"),
    11: flag("hostNetwork"), 12: flag("hostPID"), 13: flag("hostIPC"), 14: one("securityContext", {}),
    16: text_of("hostname"),
    17: text_of("subdomain"), 19: text_of("schedulerName"),
    24: text_of("priorityClassName"),
}  # fmt: skip
_SELECTOR: Message = {
    1: mapping("matchLabels"),
    2: many("matchExpressions", {1: text_of("key"), 2: text_of("operator"), 3: texts("values")}),
}  # fmt: skip
_TEMPLATE: Message = {1: one("metadata", _METADATA), 2: one("spec", _POD_SPEC)}
_DEPLOYMENT_SPEC: Message = {
    1: given("replicas"), 2: one("selector", _SELECTOR), 3: one("template", _TEMPLATE),
    4: one("strategy", {1: text_of("type")}), 5: Field("minReadySeconds", number), 6: given("revisionHistoryLimit"),
    7: flag("paused"), 9: given("progressDeadlineSeconds"),
}  # fmt: skip
_SERVICE_PORT: Message = {
    1: text_of("name"), 2: text_of("protocol"), 3: Field("port", number), 4: Field("targetPort", int_or_string),
    5: Field("nodePort", number), 6: text_of("appProtocol"),
}  # fmt: skip
_SERVICE_SPEC: Message = {
    1: many("ports", _SERVICE_PORT), 2: mapping("selector"), 3: text_of("clusterIP"), 4: text_of("type"),
    5: texts("externalIPs"), 7: text_of("sessionAffinity"), 8: text_of("loadBalancerIP"),
    9: texts("loadBalancerSourceRanges"), 10: text_of("externalName"), 11: text_of("externalTrafficPolicy"),
    12: Field("healthCheckNodePort", number), 13: flag("publishNotReadyAddresses"), 18: texts("clusterIPs"),
}  # fmt: skip
_FAILURE_RULE: Message = {
    1: text_of("action"),
    2: one("onExitCodes", {
        1: text_of("containerName"), 2: text_of("operator"), 3: Field("values", number, repeated=True),
    }),
    3: many("onPodConditions", {1: text_of("type"), 2: text_of("status")}),
}  # fmt: skip
_SUCCESS_RULE: Message = {1: text_of("succeededIndexes"), 2: given("succeededCount")}
_JOB_SPEC: Message = {
    1: given("parallelism"), 2: given("completions"), 3: given("activeDeadlineSeconds"), 4: one("selector", _SELECTOR),
    5: flag("manualSelector"), 6: one("template", _TEMPLATE), 7: given("backoffLimit"),
    8: given("ttlSecondsAfterFinished"), 9: text_of("completionMode"), 10: flag("suspend"),
    11: one("podFailurePolicy", {1: many("rules", _FAILURE_RULE)}),
    12: given("backoffLimitPerIndex"), 13: given("maxFailedIndexes"), 14: text_of("podReplacementPolicy"),
    15: text_of("managedBy"), 16: one("successPolicy", {1: many("rules", _SUCCESS_RULE)}),
}  # fmt: skip
_CRON_JOB_SPEC: Message = {
    1: text_of("schedule"), 2: given("startingDeadlineSeconds"), 3: text_of("concurrencyPolicy"), 4: flag("suspend"),
    5: one("jobTemplate", {1: one("metadata", _METADATA), 2: one("spec", _JOB_SPEC)}),
    6: given("successfulJobsHistoryLimit"), 7: given("failedJobsHistoryLimit"), 8: text_of("timeZone"),
}  # fmt: skip
_QUOTA_SPEC: Message = {
    1: mapping("hard", quantity), 2: texts("scopes"),
    3: one("scopeSelector", {
        1: many("matchExpressions", {1: text_of("scopeName"), 2: text_of("operator"), 3: texts("values")}),
    }),
}  # fmt: skip
_BUDGET_SPEC: Message = {
    1: Field("minAvailable", int_or_string, sparse=False), 2: one("selector", _SELECTOR),
    3: Field("maxUnavailable", int_or_string, sparse=False), 4: text_of("unhealthyPodEvictionPolicy"),
}  # fmt: skip
_BACKEND: Message = {
    4: one("service", {1: text_of("name"), 2: one("port", {1: text_of("name"), 2: Field("number", number)})}),
}  # fmt: skip
_INGRESS_SPEC: Message = {
    1: one("defaultBackend", _BACKEND), 2: many("tls", {1: texts("hosts"), 2: text_of("secretName")}),
    3: many("rules", {
        1: text_of("host"),
        2: Field("ingressRuleValue", message({
            1: one("http", {
                1: many("paths", {1: text_of("path"), 2: one("backend", _BACKEND), 3: text_of("pathType")}),
            }),
        }), inlined=True),
    }),
    4: text_of("ingressClassName"),
}  # fmt: skip
_TARGET: Message = {
    1: text_of("type"), 2: Field("value", quantity), 3: Field("averageValue", quantity), 4: given("averageUtilization"),
}  # fmt: skip
_AUTOSCALER_SPEC: Message = {
    1: one("scaleTargetRef", {1: text_of("kind"), 2: text_of("name"), 3: text_of("apiVersion")}),
    2: given("minReplicas"), 3: Field("maxReplicas", number),
    4: many("metrics", {1: text_of("type"), 4: one("resource", {1: text_of("name"), 2: one("target", _TARGET)})}),
}  # fmt: skip
_RULES = many("rules", {
    1: texts("verbs"), 2: texts("apiGroups"), 3: texts("resources"), 4: texts("resourceNames"),
    5: texts("nonResourceURLs"),
})  # fmt: skip
_BINDING: Message = {
    1: one("metadata", _METADATA),
    2: many("subjects", {1: text_of("kind"), 2: text_of("apiGroup"), 3: text_of("name"), 4: text_of("namespace")}),
    3: one("roleRef", {1: text_of("apiGroup"), 2: text_of("kind"), 3: text_of("name")}),
}  # fmt: skip
_RESOURCE = one("resourceAttributes", {
    1: text_of("namespace"), 2: text_of("verb"), 3: text_of("group"), 4: text_of("version"), 5: text_of("resource"),
    6: text_of("subresource"), 7: text_of("name"),
})  # fmt: skip
_OTHER = one("nonResourceAttributes", {1: text_of("path"), 2: text_of("verb")})
_DELETE_OPTIONS: Message = {
    1: given("gracePeriodSeconds"), 2: one("preconditions", {1: text_of("uid"), 2: text_of("resourceVersion")}),
    3: flag("orphanDependents"), 4: text_of("propagationPolicy"), 5: texts("dryRun"),
}  # fmt: skip
_OBJECT: Message = {1: one("metadata", _METADATA)}
KINDS: Mapping[str, Message] = {
    "ClusterRole": {**_OBJECT, 2: _RULES, 3: one("aggregationRule", {1: many("clusterRoleSelectors", _SELECTOR)})},
    "ClusterRoleBinding": _BINDING,
    "ConfigMap": {**_OBJECT, 2: mapping("data"), 3: mapping("binaryData", encoded), 4: flag("immutable")},
    "CronJob": {**_OBJECT, 2: one("spec", _CRON_JOB_SPEC), 3: one("status", None)},
    "Deployment": {**_OBJECT, 2: one("spec", _DEPLOYMENT_SPEC), 3: one("status", None)},
    "DeleteOptions": _DELETE_OPTIONS,
    "Eviction": {**_OBJECT, 2: one("deleteOptions", _DELETE_OPTIONS)},
    "HorizontalPodAutoscaler": {**_OBJECT, 2: one("spec", _AUTOSCALER_SPEC), 3: one("status", None)},
    "Ingress": {**_OBJECT, 2: one("spec", _INGRESS_SPEC), 3: one("status", None)},
    "Job": {**_OBJECT, 2: one("spec", _JOB_SPEC), 3: one("status", None)},
    "Namespace": {**_OBJECT, 2: one("spec", {1: texts("finalizers")}), 3: one("status", None)},
    "PodDisruptionBudget": {**_OBJECT, 2: one("spec", _BUDGET_SPEC), 3: one("status", None)},
    "PriorityClass": {
        **_OBJECT, 2: Field("value", number, sparse=False), 3: flag("globalDefault"), 4: text_of("description"),
        5: text_of("preemptionPolicy"),
    },
    "ResourceQuota": {**_OBJECT, 2: one("spec", _QUOTA_SPEC), 3: one("status", None)},
    "Role": {**_OBJECT, 2: _RULES},
    "RoleBinding": _BINDING,
    "Secret": {
        **_OBJECT, 2: mapping("data", encoded), 3: text_of("type"), 4: mapping("stringData"), 5: flag("immutable"),
    },
    "SelfSubjectAccessReview": {**_OBJECT, 2: one("spec", {1: _RESOURCE, 2: _OTHER}), 3: one("status", None)},
    "SelfSubjectReview": {**_OBJECT, 2: one("status", None)},
    "SelfSubjectRulesReview": {**_OBJECT, 2: one("spec", {1: text_of("namespace")}), 3: one("status", None)},
    "Service": {**_OBJECT, 2: one("spec", _SERVICE_SPEC), 3: one("status", None)},
    "ServiceAccount": _OBJECT,
    "SubjectAccessReview": {
        **_OBJECT, 2: one("spec", {1: _RESOURCE, 2: _OTHER, 3: text_of("user"), 4: texts("groups")}),
        3: one("status", None),
    },
}  # fmt: skip
"""The objects that can be read, by kind; of one that is served in several versions, the preferred one."""
