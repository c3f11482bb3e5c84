"""Random LimitRanges and ResourceQuotas."""

from __future__ import annotations

from random import Random

from tests.integration.differential.places import GPU, Object


def limit_range(random: Random) -> Object:
    item: Object = {"type": "Container"}
    if random.random() < 0.6:
        item["default"] = {"cpu": random.choice(("500m", "1500m")), "memory": "512Mi"}
    if random.random() < 0.5:
        item["defaultRequest"] = {"cpu": "250m"}
    if random.random() < 0.4:
        item["max"] = {"cpu": "2", "memory": "4Gi"}
    if random.random() < 0.3:
        item["min"] = {"memory": "64Mi"}
    if random.random() < 0.2:
        item["maxLimitRequestRatio"] = {"cpu": "2"}
    limits = [item] if len(item) > 1 else []
    if random.random() < 0.4 or not limits:
        limits.append({"type": "Pod", "max": {"cpu": random.choice(("1", "3")), "memory": "8Gi"}})
    return {"metadata": {"name": "limits"}, "spec": {"limits": limits}}


def quota(number: int, random: Random) -> Object:
    hard: Object = {}
    choices = (
        ("pods", random.choice(("3", "6", "20"))),
        ("requests.cpu", random.choice(("2", "6"))),
        ("cpu", random.choice(("3", "8"))),
        ("limits.memory", "8Gi"),
        ("requests.memory", random.choice(("4Gi", "16Gi"))),
        (f"requests.{GPU}", random.choice(("1", "4"))),
    )
    for name, amount in random.sample(choices, random.randint(1, 2)):
        hard[name] = amount
    spec: Object = {"hard": hard}
    match random.randint(0, 6):
        case 0:
            expression = {
                "scopeName": "PriorityClass",
                "operator": random.choice(("In", "NotIn")),
                "values": ["differential-high"],
            }
            spec["scopeSelector"] = {"matchExpressions": [expression]}
        case 1:
            spec["scopes"] = ["NotBestEffort"]
        case 2:
            spec["scopes"] = ["BestEffort"]
            spec["hard"] = {"pods": "2"}
        case 3:
            spec["hard"] = {"count/pods": random.choice(("4", "8"))}
    return {"metadata": {"name": f"quota-{number}"}, "spec": spec}
