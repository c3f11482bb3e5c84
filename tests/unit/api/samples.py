"""Valid manifests that together set every field of every kind."""

import copy
from typing import Any

Manifest = dict[str, Any]

_API_VERSION = "stellwerk.dev/v1alpha1"


def sample(name: str) -> Manifest:
    """Return a copy of the sample of this name."""
    return copy.deepcopy(SAMPLES[name])


_CONTAINER: Manifest = {
    "name": "train",
    "image": "registry.example.com/train:1.4",
    "imagePullPolicy": "IfNotPresent",
    "command": ["python", "train.py"],
    "args": ["--epochs", "90"],
    "workingDir": "/workspace",
    "env": [
        {"name": "EPOCHS", "value": "90"},
        {
            "name": "TOKEN",
            "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token", "optional": False}},
        },
        {
            "name": "MODE",
            "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "mode", "optional": True}},
        },
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ],
    "envFrom": [
        {"prefix": "A_", "configMapRef": {"name": "conf", "optional": False}},
        {"secretRef": {"name": "hub", "optional": True}},
    ],
    "resources": {
        "requests": {"cpu": 8, "memory": "64Gi", "ephemeral-storage": "1e9"},
        "limits": {"cpu": "8500m", "memory": "64Gi"},
    },
    "volumeMounts": [
        {"name": "data", "mountPath": "/data", "subPath": "imagenet", "readOnly": True},
        {"name": "scratch", "mountPath": "/scratch"},
    ],
    "ports": [{"containerPort": 29500, "name": "rendezvous", "protocol": "TCP"}],
    "securityContext": {
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "runAsNonRoot": True,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    },
}

_TEMPLATE: Manifest = {
    "metadata": {"labels": {"team": "vision"}, "annotations": {"example.com/run": "42"}},
    "spec": {
        "containers": [_CONTAINER, {"name": "log", "image": "registry.example.com/log:2"}],
        "initContainers": [
            {
                "name": "fetch",
                "image": "registry.example.com/fetch:2.0",
                "restartPolicy": "Always",
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }
        ],
        "volumes": [
            {"name": "data", "persistentVolumeClaim": {"claimName": "sets", "readOnly": True}},
            {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "16Gi"}},
            {
                "name": "conf",
                "configMap": {
                    "name": "conf",
                    "optional": True,
                    "defaultMode": 420,
                    "items": [{"key": "train.yaml", "path": "conf/train.yaml", "mode": 256}],
                },
            },
            {
                "name": "hub",
                "secret": {
                    "secretName": "hub",
                    "optional": False,
                    "defaultMode": 256,
                    "items": [{"key": "token", "path": "token", "mode": 256}],
                },
            },
        ],
        "nodeSelector": {"kubernetes.io/arch": "amd64"},
        "tolerations": [
            {"key": "dedicated", "operator": "Equal", "value": "ml", "effect": "NoSchedule"},
            {"key": "drain", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300},
        ],
        "serviceAccountName": "trainer",
        "restartPolicy": "OnFailure",
        "terminationGracePeriodSeconds": 120,
        "priorityClassName": "batch-low",
        "imagePullSecrets": [{"name": "registry-login"}],
        "securityContext": {
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "runAsNonRoot": True,
            "fsGroup": 1000,
            "supplementalGroups": [2000],
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    },
}

_SMALL_TEMPLATE: Manifest = {"spec": {"containers": [{"name": "main", "image": "busybox"}]}}

ON_PREM = {"purchasePrice": "280000", "lifetimeMonths": 60, "electricityPerKWh": "0.21"}
UPKEEP = {"rackPerMonth": "640", "staffPerMonth": "380"}

SAMPLES: dict[str, Manifest] = {
    "workload": {
        "apiVersion": _API_VERSION,
        "kind": "AIWorkload",
        "metadata": {"name": "train-resnet", "labels": {"team": "vision"}},
        "spec": {
            "class": "Training",
            "policy": "eu-only",
            "priority": 100,
            "replicas": 4,
            "accelerators": [
                {"model": "H100", "count": 8, "memory": "80Gi", "speed": "1.0"},
                {"model": "A100", "count": 8, "memory": 42949672960, "speed": "0.5"},
                {"model": "H200", "count": 4, "replicas": 8, "expectedRuntime": "20h"},
            ],
            "expectedRuntime": "1d6h",
            "checkpointInterval": "30m",
            "deadline": "2026-11-25T06:00:00Z",
            "data": {"size": "2Ti", "provider": "aws", "region": "eu-central-1"},
            "disruption": {"preemptible": True, "migratable": False},
            "backoffLimit": 5,
            "template": _TEMPLATE,
        },
    },
    "elastic-workload": {
        "apiVersion": _API_VERSION,
        "kind": "AIWorkload",
        "metadata": {"name": "elastic"},
        "spec": {
            "class": "Training",
            "replicas": 8,
            "minReplicas": 2,
            "accelerators": [
                {"model": "L4", "share": {"fraction": "0.5"}},
                {"model": "H100", "share": {"memory": "10Gi"}, "replicas": 4},
            ],
            "template": _SMALL_TEMPLATE,
            "podSets": [
                {
                    "name": "loader",
                    "replicas": 2,
                    "accelerators": [
                        {"model": "L4", "count": 2, "memory": "24Gi"},
                        {"model": "L4", "share": {"fraction": "0.5"}},
                        {"model": "T4", "share": {"memory": "8Gi"}},
                    ],
                    "template": _SMALL_TEMPLATE,
                },
                {"name": "log", "template": _SMALL_TEMPLATE},
            ],
        },
    },
    "workload-of-a-job": {
        "apiVersion": _API_VERSION,
        "kind": "AIWorkload",
        "metadata": {"name": "adopted"},
        "spec": {
            "class": "Batch",
            "workloadRef": {"apiVersion": "batch/v1", "kind": "Job", "name": "night.run"},
        },
    },
    "small-workload": {
        "apiVersion": _API_VERSION,
        "kind": "AIWorkload",
        "metadata": {"name": "small"},
        "spec": {
            "class": "Batch",
            "template": _SMALL_TEMPLATE,
        },
    },
    "spot-pool": {
        "apiVersion": _API_VERSION,
        "kind": "ComputePool",
        "metadata": {"name": "eu-spot-h100"},
        "spec": {
            "cluster": "local",
            "nodeSelector": {"pool": "eu-spot-h100"},
            "taints": [
                {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"},
                {"key": "nvidia.com/gpu", "effect": "NoExecute"},
            ],
            "provider": "aws",
            "region": "eu-central-1",
            "zone": "eu-central-1a",
            "jurisdiction": "DE",
            "certifications": ["ISO27001", "C5"],
            "labels": {"tier": "gold"},
            "capacityType": "Spot",
            "accelerator": {
                "model": "H100",
                "count": 8,
                "memory": "80Gi",
                "resource": "nvidia.com/gpu",
                "slices": 2,
            },
            "price": {
                "perNodeHour": "31.5",
                "currency": "EUR",
                "validFrom": "2026-10-01T00:00:00Z",
                "source": "price list of October 2026",
            },
            "interruptionRatePerHour": "0.05",
            "growth": {
                "maxNodes": 16,
                "provisionTime": "5m",
                "node": {"cpu": "192", "memory": "2Ti", "nvidia.com/gpu": 8},
                "labels": {"topology.kubernetes.io/zone": "eu-central-1a"},
            },
            "pue": "1.25",
            "gridCarbonGramsPerKWh": 363,
            "nodePowerWatts": 10200,
        },
    },
    "cpu-pool": {
        "apiVersion": _API_VERSION,
        "kind": "ComputePool",
        "metadata": {"name": "cpu"},
        "spec": {
            "nodeSelector": {"pool": "cpu"},
            "provider": "onprem",
            "region": "de-fra",
            "capacityType": "Owned",
        },
    },
    "bought-pool": {
        "apiVersion": _API_VERSION,
        "kind": "ComputePool",
        "metadata": {"name": "bought"},
        "spec": {
            "nodeSelector": {"pool": "bought"},
            "provider": "onprem",
            "region": "de-fra",
            "capacityType": "Owned",
            "price": {"currency": "EUR", "onPrem": ON_PREM | UPKEEP},
            "pue": "1.3",
            "nodePowerWatts": 10200,
        },
    },
    "tenant": {
        "apiVersion": _API_VERSION,
        "kind": "Tenant",
        "metadata": {"name": "vision"},
        "spec": {"namespaces": ["team-vision"], "parent": "research", "timeZone": "Europe/Berlin"},
    },
    "policy": {
        "apiVersion": _API_VERSION,
        "kind": "PlacementPolicy",
        "metadata": {"name": "eu-only"},
        "spec": {
            "namespaces": ["vision", "speech"],
            "require": {
                "jurisdictions": ["EU", "CH"],
                "certifications": ["ISO27001"],
                "providers": ["onprem", "aws"],
                "regions": ["eu-central-1"],
                "capacityTypes": ["Owned", "Spot"],
                "poolLabels": {"tier": "gold"},
            },
            "carbonPricePerTonne": "80",
            "currency": "EUR",
            "restartOverhead": "5m",
            "waitingPricePerHour": "12.5",
            "maxCostPerHour": "250.50",
            "unpricedPools": "Wait",
            "queueing": {"order": "ShortestFirst"},
            "preemption": {"mode": "LowerPriority", "minimumRuntime": "10m"},
            "migration": {"enabled": True, "maxMovesPerHour": 6, "minimumSaving": "2.50"},
            "egressPrices": [{"provider": "aws", "price": "0.083", "betweenRegions": "0.01"}],
        },
    },
    "empty-policy": {
        "apiVersion": _API_VERSION,
        "kind": "PlacementPolicy",
        "metadata": {"name": "default"},
        "spec": {},
    },
}
