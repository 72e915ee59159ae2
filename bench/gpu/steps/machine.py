"""Step 1: versions, the GPU, and whether every package can be imported."""

import platform
import shutil
import subprocess
from importlib import import_module

from bench.gpu.check import Check, NoGpuError

MODULES = (
    *("torch", "torchvision", "numpy", "cv2", "PIL", "tqdm"),
    *("hydra", "omegaconf", "antlr4", "yaml", "packaging", "iopath", "portalocker"),
    *("imageio_ffmpeg", "sam2.sam2_video_predictor"),
    *("sam2_video.prediction.segment", "sam2_video.prediction.request"),
)
"""OpenCV, NumPy and Pillow are expected beside torch and torchvision; the kit has the others."""


def run(check: Check) -> None:
    """See the module's text."""
    check.row(what="Python", found=platform.python_version())
    for name in MODULES:
        check.row(what=name, found=_version(check, name))
    import torch

    check.row(what="CUDA of torch", found=torch.version.cuda or "none")
    check.row(what="CPU threads of torch", found=torch.get_num_threads())
    if not check.is_cuda:
        check.leave_out("the card", "only with --device cuda")
        return
    if not torch.cuda.is_available():
        raise NoGpuError(
            "torch sees no GPU: --device cpu runs the check on the CPU, with the smallest sizes"
        )
    card = torch.cuda.get_device_properties(0)
    check.row(what="card", found=card.name)
    check.row(what="memory, MiB", found=card.total_memory // 2**20)
    check.row(what="multiprocessors", found=card.multi_processor_count)
    check.row(what="cuDNN", found=torch.backends.cudnn.version())
    check.row(what="bfloat16", found=torch.cuda.is_bf16_supported(including_emulation=False))
    check.row(what="driver", found=_driver())


def _version(check: Check, name: str) -> str:
    try:
        module = import_module(name)
    except Exception as error:  # a broken package raises anything
        check.expect(False, f"{name} cannot be imported: {error}")
        return f"missing: {error}"
    return str(getattr(module, "__version__", "there"))


def _driver() -> str:
    program = shutil.which("nvidia-smi")
    if program is None:
        return "no nvidia-smi"
    query = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    return subprocess.run(query, capture_output=True, text=True, timeout=30).stdout.strip()
