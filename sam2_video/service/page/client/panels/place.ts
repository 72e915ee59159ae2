// What the page's URL names: `#p=` a project, `#share=` a shared copy, else the start.

export type Place =
  | { readonly kind: "start" }
  | { readonly kind: "project"; readonly id: string }
  | { readonly kind: "share"; readonly token: string };

export function placeOf(hash: string): Place {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const id = values.get("p");
  const token = values.get("share");
  if (id) return { kind: "project", id };
  return token ? { kind: "share", token } : { kind: "start" };
}

export const projectHash = (id: string): string => `#p=${encodeURIComponent(id)}`;

export function shareUrl(base: string, token: string): string {
  const url = new URL(base);
  url.hash = `share=${encodeURIComponent(token)}`;
  return url.href;
}
