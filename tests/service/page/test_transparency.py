"""A browser shows what lies behind a cut-out."""

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser

from sam2_video.video.draw_rgb import rgb_renderer
from sam2_video.video.encode_images import ImageSequence
from sam2_video.video.encode_video import VideoFile, video_format
from tests.video.drawings import disc

WIDTH, HEIGHT = 160, 96
SOURCE, PAGE = (200, 120, 40), (30, 60, 220)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["webm", "webp", "png"])
def test_a_cut_out_is_transparent_over_a_coloured_page(
    browser: Browser, tmp_path: Path, kind: str
) -> None:
    frame = np.full((HEIGHT, WIDTH, 3), SOURCE, np.uint8)
    masks = disc(HEIGHT, WIDTH, 60, 48, 30)
    picture = rgb_renderer("alpha", "mask")(frame, masks)
    if kind == "webm":
        form = video_format("webm", has_alpha=True)
        with VideoFile(tmp_path / "a.webm", WIDTH, HEIGHT, 30, "center", form) as file:
            for _ in range(10):
                file.write(form.of(picture))
        path, tag, mime = file.path, "video", "video/webm"
    else:
        path = ImageSequence(tmp_path, kind, 80).write(0, picture)
        tag, mime = "img", f"image/{kind}"
    data = base64.b64encode(path.read_bytes()).decode()
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.set_content(
        f"<body style='margin: 0; background: rgb{PAGE}'>"
        f"<{tag} muted style='display: block' src='data:{mime};base64,{data}'>"
    )
    if tag == "video":
        page.wait_for_function("document.querySelector('video').readyState >= 2")
        page.evaluate(
            """() => new Promise((shown, failed) => {
                const video = document.querySelector('video')
                video.onerror = failed
                video.onended = shown
                video.play().catch(failed)
            })"""
        )
        size = page.evaluate(
            "(v => [v.videoWidth, v.videoHeight])(document.querySelector('video'))"
        )
        assert size == [WIDTH, HEIGHT]
    else:
        page.wait_for_function("document.querySelector('img').complete")
    with Image.open(BytesIO(page.screenshot())) as image:
        seen = np.array(image.convert("RGB")).astype(int)
    page.close()
    inside, around = disc(HEIGHT, WIDTH, 60, 48, 26)[0], disc(HEIGHT, WIDTH, 60, 48, 34)[0]
    assert np.abs(seen[inside] - SOURCE).max() <= 8
    assert np.abs(seen[~around] - PAGE).max() <= 8
    # Between the two a pixel is a mixture of them: darker or greener than both is a fringe.
    lowest, highest = np.minimum(SOURCE, PAGE), np.maximum(SOURCE, PAGE)
    assert (seen >= lowest - 12).all()
    assert (seen <= highest + 12).all()
