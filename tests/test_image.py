"""The Dockerfile does what cog.yaml says, and the examples of its use are valid."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sam2_video.prediction.contract import SCHEMA_FILE
from tests.conftest import ROOT
from tests.test_locks import locked, pins

RECIPE = yaml.safe_load((ROOT / "cog.yaml").read_text())
BUILD = RECIPE["build"]
EXAMPLES = ROOT / "examples" / "deploy"
CUDA = re.compile(r"torch|torchvision|triton|(cuda|nvidia)-.*")


def instructions(path: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, as (name, arguments)."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(name, rest) for name, _, rest in (x.partition(" ") for x in joined.splitlines() if x)]


DOCKERFILE = instructions(ROOT / "Dockerfile")


def all_of(name: str) -> list[str]:
    return [rest for instruction, rest in DOCKERFILE if instruction == name]


def environment() -> dict[str, str]:
    pairs = [pair for rest in all_of("ENV") for pair in shlex.split(rest)]
    return dict(pair.split("=", 1) for pair in pairs)


def kept() -> set[str]:
    """What .dockerignore lets into an image, the top of each path."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return {line[1:] for line in lines if line.startswith("!") and "/" not in line}


def installed() -> set[str]:
    """The lock files that the Dockerfile installs."""
    return set(re.findall(r"/locks/(\S+\.lock)", " ".join(all_of("RUN"))))


def test_both_start_from_the_same_python() -> None:
    assert all_of("ARG")[0] == f"BASE=python:{BUILD['python_version']}-slim"


def test_both_install_the_same_packages() -> None:
    assert installed() == {"build.lock", "image.lock", "sam2.lock"}
    locks = {(name, version) for lock in installed() for name, version, _ in locked(lock)}
    assert pins(BUILD["python_requirements"]) <= locks
    steps = {word for step in BUILD["run"] for word in step.split() if "==" in word}
    assert steps <= {f"{name}=={version}" for name, version in locks}
    assert ("cog", BUILD["sdk_version"]) in locks


def test_every_package_is_checked_against_its_hash() -> None:
    assert all("--require-hashes" in text for text in [all_of("ARG")[-1], all_of("RUN")[-1]])


def test_both_build_sam2_alike() -> None:
    (step,) = [step for step in BUILD["run"] if "sam2==" in step]
    (line,) = [line for line in all_of("RUN") if "sam2.lock" in line]
    for part in ("SAM2_BUILD_CUDA=0", "--no-build-isolation", "--no-deps"):
        assert part in step
        assert part in line


def test_both_set_the_same_environment() -> None:
    variables = environment()
    for text in RECIPE["environment"]:
        name, _, value = text.partition("=")
        assert variables[name] == value
    assert variables["COG_PREDICT_TYPE_STUB"] == RECIPE["predict"]


def test_both_start_the_same_server() -> None:
    """`cog.server.http` in /src at port 5000: what `cog build` writes for every cog.yaml."""
    assert json.loads(all_of("CMD")[0]) == ["python", "-m", "cog.server.http"]
    assert all_of("WORKDIR") == ["/src"]
    assert all_of("EXPOSE") == ["5000"]
    assert all_of("USER") == ["sam2"]


def test_both_copy_the_same_files() -> None:
    """cog copies what .dockerignore lets in; it makes the schema itself."""
    copies = [
        [word for word in rest.split() if not word.startswith("--")] for rest in all_of("COPY")
    ]
    named = {source for words in copies for source in words[:-1]}
    document = str(SCHEMA_FILE.relative_to(ROOT))
    assert named - {document} == kept()
    assert [document, ".cog/openapi_schema.json"] in copies


def test_weights_and_code_have_layers_of_their_own() -> None:
    copies = [rest.split()[-2:] for rest in all_of("COPY")]
    assert ["checkpoints", "checkpoints"] in copies
    assert copies.index(["checkpoints", "checkpoints"]) < copies.index(["sam2_video"] * 2)


def test_the_layer_of_torch_holds_cuda_and_the_other_does_not() -> None:
    """The Dockerfile divides image.lock by names; with a torch for CPUs the rest stays as it is."""
    (torch, rest) = [re.search(r"awk '(.*?)'", x) for x in all_of("RUN") if "awk" in x]
    assert torch is not None
    assert rest is not None
    names = {name for name, _, _ in locked("image.lock")}
    for found, is_cuda in ((torch, True), (rest, False)):
        output = subprocess.run(
            ["awk", found[1], ROOT / "locks/image.lock"], capture_output=True, text=True, check=True
        ).stdout
        divided = set(re.findall(r"^([\w.-]+)==", output, re.MULTILINE))
        assert divided == {name for name in names if bool(CUDA.fullmatch(name)) == is_cuda}


def test_the_health_check_reads_the_status() -> None:
    (line,) = all_of("HEALTHCHECK")
    command = json.loads(line.partition("CMD ")[2])
    code = (
        f"import urllib.request as u, io\nu.urlopen = lambda url: io.StringIO(ANSWER)\n{command[2]}"
    )
    for status, expected in (("READY", 0), ("BUSY", 0), ("STARTING", 1), ("DEFUNCT", 1)):
        answer = f"ANSWER = {json.dumps({'status': status})!r}\n"
        assert (
            subprocess.run([sys.executable, "-c", answer + code], check=False).returncode
            == expected
        )


@pytest.mark.parametrize(
    ("command", "file"),
    [
        (["check-jsonschema", "--builtin-schema", "vendor.compose-spec"], "compose.yaml"),
        (["kubernetes-validate", "--strict", "-k", "1.37"], "kubernetes.yaml"),
    ],
)
def test_an_example_with_an_error_is_refused(command, file, tmp_path) -> None:
    """`make check` runs these linters on the examples; this shows that they find something."""
    program = str(Path(sys.executable).parent / command[0])
    text = (EXAMPLES / file).read_text()
    (tmp_path / file).write_text(re.sub(r"^( +)(image|replicas): ", r"\1\2s: ", text, flags=re.M))
    good = subprocess.run(
        [program, *command[1:], EXAMPLES / file], capture_output=True, check=False
    )
    bad = subprocess.run([program, *command[1:], tmp_path / file], capture_output=True, check=False)
    assert (good.returncode, bad.returncode != 0) == (0, True)


def test_the_page_of_the_compose_file_is_built_from_locked_packages() -> None:
    text = (EXAMPLES / "server.Dockerfile").read_text()
    assert "--require-hashes" in text
    assert "/locks/page.lock" in text
    assert pins("requirements-page.txt") <= {(n, v) for n, v, _ in locked("page.lock")}


def test_the_compose_file_names_every_worker_to_the_server() -> None:
    services = yaml.safe_load((EXAMPLES / "compose.yaml").read_text())["services"]
    workers = {name for name in services if name.startswith("worker-")}
    named = {part for part in services["server"]["command"] if part.startswith("--api=")}
    assert len(workers) == 2
    assert named == {f"--api=http://{name}:5000" for name in workers}


def test_each_worker_of_kubernetes_has_one_gpu() -> None:
    documents = list(yaml.safe_load_all((EXAMPLES / "kubernetes.yaml").read_text()))
    (deployment,) = [document for document in documents if document["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)
