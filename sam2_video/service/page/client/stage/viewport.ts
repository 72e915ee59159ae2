// Where the picture lies in its area: fitted, zoomed and moved.

export interface Place {
  readonly x: number;
  readonly y: number;
}

const MOST_ZOOM = 16;
const MOST_SCALE = 8; // a small picture may be zoomed until a pixel is so wide
const EDGE = 12; // around a picture that is fitted, in CSS pixels

export class Viewport {
  zoom = 1;
  left = 0; // of the picture's corner, in CSS pixels of the area
  top = 0;
  private across = 1; // of the area
  private down = 1;
  private width = 1; // of the picture
  private height = 1;

  // CSS pixels that a pixel of the picture is wide.
  get scale(): number {
    return this.fit * this.zoom;
  }

  private get fit(): number {
    const across = Math.max(this.across - 2 * EDGE, 1) / this.width;
    const down = Math.max(this.down - 2 * EDGE, 1) / this.height;
    return Math.min(across, down);
  }

  // For another area or picture; what is in the middle stays there.
  resize(area: { width: number; height: number }, picture: { width: number; height: number }): void {
    const middle = this.pictureAt({ x: this.across / 2, y: this.down / 2 });
    this.across = Math.max(area.width, 1);
    this.down = Math.max(area.height, 1);
    this.width = picture.width;
    this.height = picture.height;
    this.left = this.across / 2 - middle.x * this.scale;
    this.top = this.down / 2 - middle.y * this.scale;
    this.clamp();
  }

  // 1 shows the whole picture. What is at `about` (the middle by default) stays there.
  zoomTo(zoom: number, about: Place = { x: this.across / 2, y: this.down / 2 }): void {
    const most = Math.max(MOST_ZOOM, MOST_SCALE / this.fit);
    const fixed = this.pictureAt(about);
    this.zoom = Math.min(Math.max(zoom, 1), most);
    this.left = about.x - fixed.x * this.scale;
    this.top = about.y - fixed.y * this.scale;
    this.clamp();
  }

  move(x: number, y: number): void {
    this.left += x;
    this.top += y;
    this.clamp();
  }

  // From the area to the picture, in its pixels, and back.
  pictureAt({ x, y }: Place): Place {
    return { x: (x - this.left) / this.scale, y: (y - this.top) / this.scale };
  }

  areaAt({ x, y }: Place): Place {
    return { x: this.left + x * this.scale, y: this.top + y * this.scale };
  }

  private clamp(): void {
    this.left = clamped(this.left, this.across, this.width * this.scale);
    this.top = clamped(this.top, this.down, this.height * this.scale);
  }
}

// The start of a picture in its area: in the middle if it fits in, else without a gap beside it.
function clamped(start: number, area: number, picture: number): number {
  if (picture <= area - 2 * EDGE) return (area - picture) / 2;
  return Math.min(EDGE, Math.max(area - EDGE - picture, start));
}
