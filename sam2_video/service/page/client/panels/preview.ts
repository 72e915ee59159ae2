// A finished export in a dialog: the video, or its pictures one by one.

import { h, iconButton } from "../dom";
import type { Export, ExportFile } from "../types";

export function showPreview({ title, files }: Export): void {
  const before = document.activeElement;
  const close = iconButton("close", "Close", () => dialog.close());
  const dialog = h(
    "dialog",
    { class: "preview", "aria-label": title, onclose: () => closed() },
    h("header", {}, h("h2", {}, title), close),
    contentOf(files),
  );
  const closed = () => {
    dialog.remove();
    if (before instanceof HTMLElement) before.focus();
  };
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close();
  };
  document.body.append(dialog);
  dialog.showModal();
}

function contentOf(files: readonly ExportFile[]): HTMLElement {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const movies = files.filter(({ name }) => /\.(mp4|webm)$/.test(name));
  if (movies.length) {
    const players = movies.map(({ url, name }) =>
      h("video", {
        src: url,
        controls: true,
        loop: true,
        muted: true,
        playsInline: true,
        autoplay: !isCalm,
        class: "chequered",
        "aria-label": name,
      }),
    );
    return h("div", { class: "preview-films" }, ...players);
  }
  const pictures = files.filter(({ media_type }) => media_type.startsWith("image/"));
  const image = h("img", { class: "chequered", src: pictures[0]!.url, alt: pictures[0]!.name });
  if (pictures.length === 1) return h("div", {}, image);
  const name = h("output", {}, pictures[0]!.name);
  const range = h("input", {
    type: "range",
    class: "slider",
    min: "0",
    max: String(pictures.length - 1),
    value: "0",
    "aria-label": "Picture",
    oninput: () => {
      const picture = pictures[Number(range.value)]!;
      range.style.setProperty("--part", `${(100 * Number(range.value)) / (pictures.length - 1)}%`);
      image.src = picture.url;
      image.alt = picture.name;
      name.value = picture.name;
    },
  });
  range.style.setProperty("--part", "0%");
  return h("div", {}, image, range, name);
}
