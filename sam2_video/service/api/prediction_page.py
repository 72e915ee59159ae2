"""A prediction as a page that a browser shows: what `urls.web` leads to."""

from html import escape

from starlette.responses import HTMLResponse

from sam2_video.service.api.views import Json

_MOST_PICTURES = 100
_LONGEST_INPUT = 500
_SECONDS_BETWEEN_RELOADS = 3
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; "
    "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
dt { font-weight: 600 } dd { margin: 0; overflow-wrap: anywhere }
img { width: 12rem; border: 1px solid } video { max-width: 100% } pre { overflow-x: auto }
"""


def prediction_page(view: Json) -> HTMLResponse:
    """The page of a prediction; it loads itself again until the prediction has ended.

    Args:
        view: the prediction as the API shows it.
    """
    outputs = view["output"] or []
    inputs = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(str(value)[:_LONGEST_INPUT])}</dd>"
        for name, value in view["input"].items()
    )
    more = len(outputs) - _MOST_PICTURES
    parts = [
        f"<h1>{escape(view['model'])}</h1>",
        f"<p>Prediction {escape(view['id'])}: <strong>{escape(view['status'])}</strong></p>",
        f"<p>{escape(view['error'])}</p>" if view["error"] else "",
        "<p>Its inputs and outputs have expired.</p>" if view["data_removed"] else "",
        f"<h2>Input</h2><dl>{inputs}</dl>",
        "<h2>Output</h2>",
        *(_shown_output(url) for url in outputs[:_MOST_PICTURES]),
        f"<p>And {more} more.</p>" if more > 0 else "",
        f"<h2>Logs</h2><pre>{escape(view['logs'])}</pre>",
    ]
    reload = f'<meta http-equiv="refresh" content="{_SECONDS_BETWEEN_RELOADS}">'
    head = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"{'' if 'completed_at' in view else reload}"
        f"<title>{escape(view['model'])}: {escape(view['status'])}</title><style>{_STYLE}</style>"
    )
    return HTMLResponse("\n".join([head, *parts]), headers=_HEADERS)


def _shown_output(url: str) -> str:
    link = escape(url)
    text = f'<p><a href="{link}">{link}</a></p>'
    if url.endswith((".mp4", ".webm", ".mov")):
        return f'<video controls muted loop src="{link}"></video>{text}'
    if url.endswith(".json"):
        return text
    return f'<a href="{link}"><img loading="lazy" alt="" src="{link}"></a>'
