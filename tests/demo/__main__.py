"""`python -m tests.demo`: what Stellwerk does, first over files, then on a real control plane.

ONCE=1 in the environment ends it by itself; else it stays up until Ctrl-C.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from tests.demo import figures, world
from tests.demo.child import wait_for
from tests.demo.prometheus import Prometheus, find
from tests.demo.screen import ROOT, Screen
from tests.testbed import env
from tests.testbed.cluster import Cluster
from tests.testbed.progress import TestbedError, clock

STELLWERK = Path(sys.executable).with_name("stellwerk")
INTERRUPTED = 130  # as a shell says it: ended by Ctrl-C before everything was shown
NEVER_FITS = 2  # the exit code of `plan` when a workload can never fit: one of the examples


def main() -> int:
    """Run the demo; 0 when everything went as it should, also when it was ended by Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)
    os.environ["KUBECACHEDIR"] = str(env.cache_dir() / "kubectl")  # else kubectl writes into the home folder
    screen = Screen()
    began = time.monotonic()
    try:
        over_files(screen)
        with ExitStack() as stack:
            on_a_cluster(screen, stack, began)
            screen.say("\nending the operator, Prometheus and the control plane ...")
        screen.say("nothing is left running.")
    except TestbedError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        screen.say("\nended; nothing is left running.")
        return 0 if screen.complete else INTERRUPTED
    return 0


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def over_files(screen: Screen) -> None:
    """Chapter one: no cluster, no network."""
    screen.heading("1. Over files, without any cluster: where would it run, what would it cost, why must one wait?")
    began = time.monotonic()
    code = screen.command("stellwerk plan -f examples/", [STELLWERK, "plan", "-f", "examples/"])
    if code != NEVER_FITS:
        raise TestbedError(f"stellwerk plan ended with {code}, expected {NEVER_FITS}: one example can never fit")
    screen.say(f"\n(answered in {time.monotonic() - began:.1f}s; exit code {code}, because one can never fit)")


def on_a_cluster(screen: Screen, stack: ExitStack, began: float) -> None:
    """Chapter two: the same on a real control plane; everything that it starts ends with `stack`."""
    screen.heading("2. For real: etcd, kube-apiserver, kube-scheduler, controllers; kwok plays the nodes")
    cluster = stack.enter_context(Cluster.start(f"demo-{os.getpid()}", progress=screen.progress))
    world.prepare(cluster, screen.progress)
    operator = world.Operator.of(cluster)
    with screen.progress.step("starting the operator, `python -m stellwerk`, under its own restricted role"):
        stack.enter_context(operator.child)
        operator.wait_until_it_leads()
    screen.progress.say("$ kubectl apply -f examples/policies -f examples/pools")
    screen.progress.say("$ kubectl wait --for=condition=Accepted pp,cp --all")
    world.apply_rules(cluster)
    screen.progress.say("$ kubectl apply -f examples/workloads")
    expected = world.apply_workloads(cluster)
    world.wait_until_settled(cluster, operator, expected, screen.progress)
    show(screen, cluster)
    told = figures_of(screen, stack, cluster, operator)
    screen.heading(f"Up after {clock(time.monotonic() - began)}. What to type next, in another terminal")
    screen.say(_next(cluster, operator, told))
    screen.complete = True
    if not env.is_set("ONCE"):
        screen.say("\nCtrl-C ends it.")
        threading.Event().wait()


def show(screen: Screen, cluster: Cluster) -> None:
    """What a user sees with kubectl."""
    kubectl = [cluster.binaries.kubectl, "--kubeconfig", cluster.kubeconfig]
    screen.heading("What the user sees")
    screen.command("kubectl get aiw", [*kubectl, "get", "aiw"])
    screen.say(_compared(world.placements(cluster)))
    name = world.first_that_waits(cluster)
    screen.heading(f"Why {name} does not run, and what would let it in")
    told = cluster.kubectl("describe", "aiw", name)
    screen.say(f"$ kubectl describe aiw {name} | sed -n '/^Status:/,$p'")
    screen.say(told[told.index("\nStatus:") + 1 :].rstrip())


def _compared(placed: dict[str, str]) -> str:
    """Whether the cluster did what the plan over files had said."""
    argv = [str(STELLWERK), "plan", "-f", "examples/", "-o", "json"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    planned = {one["name"]: one.get("placement", {}).get("pool", "") for one in json.loads(done.stdout)["workloads"]}
    different = sorted(name for name in planned if planned[name] != placed.get(name))
    if not different:
        return f"\n(the same pools as the plan over files, for all {len(planned)} workloads)"
    told = ", ".join(different)
    return f"\n(other pools than in the plan over files, which sees all at once and not as they come: {told})"


def figures_of(screen: Screen, stack: ExitStack, cluster: Cluster, operator: world.Operator) -> str:
    """The ten figures; returns where they came from, for the reader to look further."""
    program = find(screen.progress)
    at_work = world.gpus_at_work(cluster)
    if program is None:
        wait_for(operator.child, lambda: figures.at_work(figures.from_text(operator.metrics)) == at_work)
        screen.heading("Ten figures, straight from the operator's /metrics: there is no Prometheus on this machine")
        screen.say(figures.report(figures.from_text(operator.metrics)))
        return f"http://127.0.0.1:{operator.port}/metrics"
    prometheus = stack.enter_context(Prometheus(program, cluster.folder / "prometheus", operator.port))
    prometheus.wait_until(lambda: figures.at_work(lambda figure: prometheus.query(figure.query)) == at_work)
    screen.heading("Ten figures, queried from a real Prometheus that scrapes the operator")
    screen.say(figures.report(lambda figure: prometheus.query(figure.query)))
    return prometheus.address


def _next(cluster: Cluster, operator: world.Operator, figures_from: str) -> str:
    return "\n".join(
        (
            f"  export KUBECONFIG={cluster.kubeconfig}",
            "  kubectl get aiw -o wide",
            "  kubectl get stellwerk",
            "  kubectl describe job nightly-job                       # a plain Job that opted in by one label",
            "  kubectl delete aiw/embed-catalog pod/somebody-else     # makes room: evaluate-all is placed at once",
            f"  {STELLWERK} plan -f examples/ --explain finetune-either",
            f"  {STELLWERK} fleet export",
            f"  tail -f {operator.child.log}",
            f"  open {figures_from}",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
