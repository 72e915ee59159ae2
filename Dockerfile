# The image for those without the cog command: `make image` builds it with docker, podman or buildah.
# It installs, copies and sets what cog.yaml does; tests/test_image.py compares the two.
ARG BASE=python:3.11-slim

# Empty, unless `--build-context wheels=FOLDER` gives pip a folder to install from.
FROM scratch AS wheels

FROM ${BASE}
# pip's own settings: another index, or none.
ARG PIP_INDEX_URL=
ARG PIP_NO_INDEX=
# What pip installs torch from: the build for CUDA, with hashes. For a CPU: see docs/deploy.md.
ARG TORCH="--require-hashes --requirement /tmp/torch.lock"

# A fixed user: it may write to its home, to the fetched weights and to /tmp.
RUN useradd --uid 1000 --create-home sam2 && install -d -o sam2 -g sam2 /src/checkpoints /run/cog

# torch and CUDA, in a layer that only a new torch changes.
RUN --mount=type=bind,from=wheels,target=/wheels \
    --mount=type=bind,source=locks,target=/locks \
    awk '/^[a-z]/ { cuda = /^(torch|torchvision|triton|cuda-|nvidia-)/ } cuda' \
        /locks/image.lock > /tmp/torch.lock && \
    pip install --no-cache-dir --root-user-action=ignore --find-links /wheels --no-deps ${TORCH} && \
    rm /tmp/torch.lock

# The rest. What comes as source is built by the setuptools of build.lock; sam2's build imports torch.
RUN --mount=type=bind,from=wheels,target=/wheels \
    --mount=type=bind,source=locks,target=/locks \
    awk '/^[a-z]/ { cuda = /^(torch|torchvision|triton|cuda-|nvidia-)/ } !cuda' \
        /locks/image.lock > /tmp/rest.lock && \
    install="pip install --no-cache-dir --root-user-action=ignore --find-links /wheels \
        --require-hashes --no-build-isolation --no-deps" && \
    $install --requirement /locks/build.lock && \
    $install --requirement /tmp/rest.lock && \
    SAM2_BUILD_CUDA=0 $install --requirement /locks/sam2.lock && \
    rm /tmp/rest.lock

WORKDIR /src
# The weights that checkpoints/ holds when the image is built, in a layer of their own.
COPY --chown=sam2:sam2 checkpoints checkpoints
COPY LICENSE cog.yaml predict.py requirements.txt requirements-sam2.txt ./
COPY sam2_video/prediction/openapi.json .cog/openapi_schema.json
COPY sam2_video sam2_video

ENV PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    COG_PREDICT_TYPE_STUB=predict.py:Predictor \
    SAM2_MODEL=large
USER sam2
EXPOSE 5000
# A failed start answers too, so the status counts and not the HTTP code.
HEALTHCHECK --interval=30s --timeout=10s --start-period=15m --retries=3 CMD ["python", "-c", "import json, os, urllib.request as u; url = 'http://127.0.0.1:' + os.environ.get('PORT', '5000') + '/health-check'; raise SystemExit(json.load(u.urlopen(url))['status'] not in ('READY', 'BUSY'))"]
CMD ["python", "-m", "cog.server.http"]
