# The page and the hosted API, on top of the container's image: both share its layers.
ARG WORKER=sam2-video
# Empty, unless `--build-context wheels=FOLDER` gives pip a folder to install from.
FROM scratch AS wheels

FROM ${WORKER}
ARG PIP_INDEX_URL=
ARG PIP_NO_INDEX=
USER root
RUN --mount=type=bind,from=wheels,target=/wheels \
    --mount=type=bind,source=locks,target=/locks \
    pip install --no-cache-dir --root-user-action=ignore --find-links /wheels \
        --require-hashes --no-deps --requirement /locks/page.lock && \
    install -d -o sam2 -g sam2 /data
COPY sam2_video sam2_video
USER sam2
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=10s --start-period=1m CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/')"]
CMD ["python", "-m", "sam2_video", "serve", "--host", "0.0.0.0", "--data", "/data"]
