// Keeps the project on the server as it is on the page: its name and its document.

import { problemOf, saveProject } from "../api";
import type { State, Store } from "../state/store";

const QUIET_MS = 600; // without a change, before it is saved

// What the server has of a project.
interface Known {
  text: string;
  revision: number;
}

export class Saver {
  private timer = 0;
  private queue = Promise.resolve(); // one request at a time: each needs the revision of the one before
  private known: Known | null = null; // of the project that is open

  constructor(private readonly store: Store) {
    store.subscribe((state, before) => {
      if (state.project?.id !== before.project?.id) {
        this.save(before); // what was left of the project that is closed
        this.known = state.project && { text: textOf(state), revision: state.project.revision };
        if (!state.isSaved) store.update({ isSaved: true });
        return;
      }
      const isEdited = state.doc !== before.doc || state.project?.name !== before.project?.name;
      if (!isEdited && state.frame === before.frame) return;
      clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.save(this.store.state), QUIET_MS);
      if (isEdited && state.isSaved) store.update({ isSaved: false });
    });
    addEventListener("pagehide", () => this.save(store.state));
  }

  // Saves what is not saved yet; resolves when the server has answered.
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.save(this.store.state);
    return this.queue;
  }

  private save(state: State): void {
    const { known } = this;
    if (known && state.project) this.queue = this.queue.then(() => this.send(state, known));
  }

  private async send(state: State, known: Known): Promise<void> {
    const { project, doc, frame } = state;
    const text = textOf(state);
    if (!project) return;
    try {
      if (text !== known.text) {
        const changes = { name: project.name, document: { ...doc, frame } };
        known.revision = (await saveProject({ ...project, revision: known.revision }, changes)).revision;
        known.text = text;
      }
      if (this.known === known && textOf(this.store.state) === text) this.store.update({ isSaved: true });
    } catch (error) {
      this.store.update({ problem: problemOf(error) });
    }
  }
}

const textOf = ({ project, doc, frame }: State): string => JSON.stringify([project?.name, { ...doc, frame }]);
