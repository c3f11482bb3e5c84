"""Command line: python -m tests.testbed up | down | status | nodes | kubectl | play | binaries | build."""

import argparse
import os
import sys
from pathlib import Path

from tests.testbed import binaries, kwokctl, pools, versions
from tests.testbed.cluster import Cluster
from tests.testbed.progress import Progress, TestbedError
from tests.testbed.registry import Registry


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 when it did what it says, 1 with the reason in words when not."""
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except TestbedError as error:
        print(f"testbed: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\ntestbed: interrupted; nothing is left running", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.testbed", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str, *, named: bool = True) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(run=run)
        if named:
            one.add_argument("--name", default="dev", help="which cluster (default: %(default)s)")
        return one

    up = command("up", _up, "start a control plane that stays until `down`")
    up.add_argument("--nodes", action="store_true", help="also add the nodes of pools.yaml")
    down = command("down", _down, "end a control plane and remove all it left")
    down.add_argument("--all", action="store_true", help="all clusters, also those that others use")
    command("status", _status, "list the control planes that run", named=False)
    nodes = command("nodes", _nodes, "add GPU nodes, or remove those of a pool")
    nodes.add_argument("--pools", type=Path, default=pools.EXAMPLE, help="default: %(default)s")
    nodes.add_argument("--remove", metavar="POOL", help="remove this pool's nodes instead")
    kubectl = command("kubectl", _kubectl, "run kubectl as admin: kubectl [--name N] -- get pods")
    kubectl.add_argument("arguments", nargs="*")
    play = command("play", _play, "play fake nodes of another cluster until Ctrl-C", named=False)
    play.add_argument("--kubeconfig", type=Path, required=True, help="its admin's")
    command("binaries", _binaries, "make sure the binaries are there", named=False)
    command("build", _build, "build the binaries from source, also when they are there", named=False)
    return parser


def _up(arguments: argparse.Namespace) -> int:
    cluster = Cluster.start(arguments.name, kept=True)
    if arguments.nodes:
        pools.add(cluster.api, pools.load(pools.EXAMPLE))
    print(f"export KUBECONFIG={cluster.kubeconfig}")
    return 0


def _down(arguments: argparse.Namespace) -> int:
    registry = Registry()
    for name in registry.names() if arguments.all else [arguments.name]:
        print(f"{name}: {'removed' if registry.remove(name) else 'there was none'}")
    return 0


def _status(_: argparse.Namespace) -> int:
    registry = Registry()
    for name in registry.names():
        entry = registry.entry(name)
        if entry is None:
            print(f"{name:20} left behind, unreadable; the next start removes it")
            continue
        state = "ready" if entry.ready else "starting"
        users = ", ".join(str(one.pid) for one in entry.live()) or ("kept" if entry.kept else "none")
        print(f"{name:20} {state:9} users: {users:16} https://127.0.0.1:{entry.ports['kube-apiserver']}")
    return 0


def _nodes(arguments: argparse.Namespace) -> int:
    cluster = Cluster.attach(arguments.name)
    if arguments.remove:
        pools.remove(cluster.api, arguments.remove)
        return 0
    for name in pools.add(cluster.api, pools.load(arguments.pools)):
        print(name)
    return 0


def _kubectl(arguments: argparse.Namespace) -> int:
    kubectl = Cluster.attach(arguments.name).kubectl
    command = [str(kubectl.binary), "--kubeconfig", str(kubectl.kubeconfig), *arguments.arguments]
    os.execv(command[0], command)  # noqa: S606 - the user talks to kubectl itself


def _play(arguments: argparse.Namespace) -> int:
    command = [str(binaries.find(Progress()).path("kwok")), "--kubeconfig", str(arguments.kubeconfig)]
    command += ["--config", str(kwokctl.STAGES), "--node-lease-duration-seconds", "600"]
    command += ["--manage-nodes-with-annotation-selector", "kwok.x-k8s.io/node=fake"]
    os.execv(command[0], command)  # noqa: S606 - nothing else is to be done


def _binaries(_: argparse.Namespace) -> int:
    found = binaries.find(Progress())
    print(f"{found.folder}\n{found.kubectl}")
    return 0


def _build(_: argparse.Namespace) -> int:
    from tests.testbed import provide

    print(provide.built(binaries.cached(versions.pinned()), Progress()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
