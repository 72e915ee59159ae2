// Keeps the project on the server as it is on the page.

import { problemOf, saveProject } from "../api";
import type { Store } from "../state/store";

const QUIET_MS = 600; // without a change, before it is saved

export class Saver {
  private timer = 0;
  private isSaving = false;
  private saved: string | null = null; // the document that the server has

  constructor(private readonly store: Store) {
    store.subscribe((state, before) => {
      if (state.project?.id !== before.project?.id) this.saved = state.doc && this.text();
      else if (state.doc !== before.doc || state.frame !== before.frame) this.soon();
    });
    addEventListener("pagehide", () => void this.save());
  }

  private text(): string {
    const { doc, frame } = this.store.state;
    return JSON.stringify({ ...doc, frame });
  }

  private soon(): void {
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.save(), QUIET_MS);
  }

  private async save(): Promise<void> {
    const { opened } = this.store;
    const text = opened && this.text();
    if (!opened || !text || text === this.saved || this.isSaving) return;
    this.isSaving = true;
    try {
      const { revision } = await saveProject(opened.project, { document: JSON.parse(text) });
      this.saved = text;
      const { project } = this.store.state;
      if (project?.id === opened.project.id) this.store.update({ project: { ...project, revision } });
    } catch (error) {
      this.store.update({ problem: problemOf(error) });
    } finally {
      this.isSaving = false;
    }
    if (this.text() !== this.saved) this.soon();
  }
}
