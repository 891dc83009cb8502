/* The zoom and position of the photograph on the screen. Only a CSS transform changes; no pixel is drawn again. */

const MOST = 32; // screen pixels for a pixel of the photograph

export class View {
  /* viewport: the visible area. stage: the element that is moved, with the photograph and what lies on it. changed: called after each change. */
  constructor(viewport, stage, changed) {
    Object.assign(this, { viewport, stage, changed, scale: 1, x: 0, y: 0, width: 0, height: 0, fitted: true });
    new ResizeObserver(() => (this.fitted ? this.fit() : this.place())).observe(viewport);
  }

  show(width, height) {
    Object.assign(this, { width, height });
    Object.assign(this.stage.style, { width: `${width}px`, height: `${height}px` });
    this.fit();
  }

  /* Shows the whole photograph in the middle, enlarged at most 4 times. */
  fit() {
    if (!this.width) return;
    const { clientWidth, clientHeight } = this.viewport;
    const margin = Math.min(24, clientWidth / 20);
    this.scale = Math.min((clientWidth - 2 * margin) / this.width, (clientHeight - 2 * margin) / this.height, 4);
    this.x = (clientWidth - this.width * this.scale) / 2;
    this.y = (clientHeight - this.height * this.scale) / 2;
    this.place();
    this.fitted = true;
  }

  /* Enlarges by `factor` around a point of the window; without one, around the middle. */
  zoom(factor, clientX, clientY) {
    const frame = this.viewport.getBoundingClientRect();
    const x = (clientX ?? frame.left + frame.width / 2) - frame.left;
    const y = (clientY ?? frame.top + frame.height / 2) - frame.top;
    const least = Math.min(frame.width / this.width, frame.height / this.height, 1) / 4;
    const scale = Math.min(Math.max(this.scale * factor, least), MOST);
    this.x = x - ((x - this.x) * scale) / this.scale;
    this.y = y - ((y - this.y) * scale) / this.scale;
    this.scale = scale;
    this.place();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.place();
  }

  /* A point of the window in pixels of the photograph. */
  toPhoto(clientX, clientY) {
    const frame = this.viewport.getBoundingClientRect();
    return [(clientX - frame.left - this.x) / this.scale, (clientY - frame.top - this.y) / this.scale];
  }

  place() {
    this.fitted = false;
    const keep = 48; // pixels of the photograph's edge that always stay visible
    this.x = Math.min(Math.max(this.x, keep - this.width * this.scale), this.viewport.clientWidth - keep);
    this.y = Math.min(Math.max(this.y, keep - this.height * this.scale), this.viewport.clientHeight - keep);
    this.stage.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.stage.style.setProperty("--pixel", `${1 / this.scale}px`); // the size of a screen pixel, for lines on the stage
    this.stage.classList.toggle("large", this.scale >= 3);
    this.changed();
  }
}
