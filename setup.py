"""What the wheel holds besides the package's own folders.

Installed, the embedded weights are `sam2_video/weights/` and the file that the container's server
loads is `sam2_video/container/predict.py`. `pyproject.toml` cannot add these two to packages that
are found.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["sam2_video", "sam2_video.*"]), "sam2_video.weights"],
    py_modules=["sam2_video.container.predict"],
    package_dir={"sam2_video.weights": "checkpoints", "sam2_video.container": "."},
)
