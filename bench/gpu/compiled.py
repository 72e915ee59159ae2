"""Meta's predictor with `vos_optimized=True`, alone: prints one line of JSON.

    python -m bench.gpu.compiled --model tiny --objects 1 --size 1024

As in Meta's own benchmark the clip is tracked twice: everything is compiled in the first pass, and
the second is measured, from the frame on at which the memory bank is full.
"""

import argparse
import json
import time

import torch

from bench.gpu.engines import peak_bytes, plain_model, timed_block
from bench.reference import meta_predictor
from bench.sides import clicked, meta, pictures
from sam2_video.models.registry import find_checkpoint

WARM, TIMED = 20, 24


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--objects", type=int, required=True)
    parser.add_argument("--size", type=int, required=True)
    options = parser.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    plain = plain_model(options.model, options.size, "cuda")
    predictor = meta_predictor(
        find_checkpoint(options.model),
        plain.network,
        _target_="sam2.sam2_video_predictor.SAM2VideoPredictorVOS",
        compile_image_encoder=True,
    )
    images = [image.to("cuda") for image in pictures(options.size, WARM + TIMED + 1)]
    objects = clicked(options.objects, options.size)
    begin = time.perf_counter()
    timed_block(meta(predictor, images, objects), WARM + TIMED, "cuda", is_mixed=True)
    first_pass = time.perf_counter() - begin
    steps = meta(predictor, images, objects)
    timed_block(steps, WARM - 1, "cuda", is_mixed=True)
    seconds = timed_block(steps, TIMED, "cuda", is_mixed=True)
    print(json.dumps({"seconds": seconds, "first_pass": first_pass, "peak": peak_bytes("cuda")}))


if __name__ == "__main__":
    main()
