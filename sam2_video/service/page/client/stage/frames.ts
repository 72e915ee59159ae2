// Frames and masks as the stage shows them: loaded, decoded, and kept for a while.

import { ApiError, frameUrl, getPicture, maskUrl } from "../api";
import type { Opened, Store } from "../state/store";
import { trackOf } from "../state/tracked";
import type { Track, Video } from "../types";
import { ByteCache } from "./byte_cache";
import { type Indexed, type Layer, layerOf, readIndexed } from "./mask_files";

export type { Layer } from "./mask_files";

export interface Loaded {
  readonly picture: ImageBitmap;
  readonly masks: ReadonlyMap<string, Layer>; // by object: the newest mask of each that has been tracked
}

const PICTURE_BYTES = 192e6;
const MASK_BYTES = 64e6;
const MOST_AHEAD = 24; // frames
const AT_ONCE = 3; // frames that are loaded ahead at the same time

export class Frames {
  private readonly pictures = new ByteCache<ImageBitmap>(PICTURE_BYTES, (picture) => picture.close());
  private readonly masks = new ByteCache<Indexed>(MASK_BYTES);
  private readonly underWay = new Map<string, Promise<unknown>>();
  private ahead: number[] = [];
  private loadingAhead = 0;

  constructor(private readonly store: Store) {}

  // A frame with the newest masks of its objects. Raises an ApiError with a sentence for the visitor.
  async load(index: number): Promise<Loaded> {
    const opened = this.opened();
    const { video } = opened.project;
    const found = await Promise.all([
      this.picture(video, index),
      ...sourcesOf(opened, index).map(async ({ object, track }) => {
        const file = await this.indexed(video, track, index);
        return [object, layerOf(file, track.objects.indexOf(object) + 1)] as const;
      }),
    ]);
    const [picture, ...masks] = found;
    return { picture, masks: new Map(masks) };
  }

  // The same if it is here already; null if it has to be loaded.
  now(index: number): Loaded | null {
    const { opened } = this.store;
    const picture = opened && this.pictures.get(pictureKey(opened.project.video, index));
    if (!opened || !picture) return null;
    const masks = new Map<string, Layer>();
    for (const { object, track } of sourcesOf(opened, index)) {
      const file = this.masks.get(maskKey(track, index));
      if (!file) return null;
      masks.set(object, layerOf(file, track.objects.indexOf(object) + 1));
    }
    return { picture, masks };
  }

  // Loads what is shown next: from a frame on, in steps of `step` frames (negative: backward).
  prefetch(index: number, step: number): void {
    const { opened } = this.store;
    if (!opened || !step) return;
    const { width, height, num_frames } = opened.project.video;
    // No more than a third of what is kept, so that what is shown and was shown before stays. Of
    // pictures that are too large for that none is loaded ahead.
    const count = Math.min(MOST_AHEAD, Math.floor(PICTURE_BYTES / 3 / (width * height * 4)));
    this.ahead = Array.from({ length: count }, (_, i) => index + i * step).filter((i) => 0 <= i && i < num_frames);
    this.loadAhead();
  }

  private loadAhead(): void {
    while (this.loadingAhead < AT_ONCE && this.ahead.length) {
      const index = this.ahead.shift()!;
      if (!this.store.opened || this.now(index)) continue;
      this.loadingAhead += 1;
      // An error is told when the frame itself is asked for.
      const done = () => {
        this.loadingAhead -= 1;
        this.loadAhead();
      };
      this.load(index).then(done, done);
    }
  }

  private opened(): Opened {
    const { opened } = this.store;
    if (!opened) throw new ApiError("No video is open.");
    return opened;
  }

  private picture(video: Video, index: number): Promise<ImageBitmap> {
    return this.kept(this.pictures, pictureKey(video, index), async () => {
      const blob = await getPicture(frameUrl(video, index));
      try {
        return [await createImageBitmap(blob), video.width * video.height * 4];
      } catch {
        throw new ApiError(`Frame ${index + 1} can't be shown.`);
      }
    });
  }

  private indexed(video: Video, track: Track, index: number): Promise<Indexed> {
    return this.kept(this.masks, maskKey(track, index), async () => {
      const blob = await getPicture(maskUrl(track, index));
      try {
        const file = readIndexed(new Uint8Array(await blob.arrayBuffer()), video.width, video.height);
        return [file, file.indices.length];
      } catch {
        throw new ApiError(`The masks of frame ${index + 1} can't be shown.`);
      }
    });
  }

  // Of several calls for the same value only the first loads it.
  private kept<T>(cache: ByteCache<T>, key: string, load: () => Promise<[value: T, bytes: number]>): Promise<T> {
    const here = cache.get(key);
    if (here !== undefined) return Promise.resolve(here);
    const underWay = this.underWay.get(key) as Promise<T> | undefined;
    if (underWay) return underWay;
    const loading = load()
      .then(([value, bytes]) => {
        cache.set(key, value, bytes);
        return value;
      })
      .finally(() => this.underWay.delete(key));
    this.underWay.set(key, loading);
    return loading;
  }
}

// The track of each object that has a mask on a frame.
function sourcesOf({ doc, project }: Opened, frame: number): { object: string; track: Track }[] {
  return doc.objects.flatMap(({ id }) => {
    const track = trackOf(project.tracks, id, frame);
    return track ? [{ object: id, track }] : [];
  });
}

const pictureKey = (video: Video, index: number): string => `frame/${video.id}/${index}`;
const maskKey = (track: Track, index: number): string => `mask/${track.id}/${index}`;
