/* Brush, eraser and rectangle on the photograph; pointers.js calls them. */

import { comparing, divide } from "./comparing.js";
import { $ } from "./page.js";

export class Drawing {
  /* ready: called before a stroke; false if none may begin. done: called after each stroke. */
  constructor(work, view, ready, done) {
    Object.assign(this, { work, view, ready, done, tool: "brush", spaceHeld: false });
    this.stroke = null; // {x, y, value} of the stroke in progress: its last place, or the first corner of a rectangle
    this.pointer = null; // the last event of a mouse or a pen over the photograph
    $("size").addEventListener("input", () => this.setSize(this.largest ** ($("size").value / 100)));
    this.setSize(20);
  }

  /* Diameter of the brush in pixels of the photograph. The slider is logarithmic. */
  setSize(pixels) {
    this.size = Math.round(Math.min(Math.max(pixels, 1), this.largest));
    $("size").value = (100 * Math.log(this.size)) / Math.log(this.largest);
    $("size").setAttribute("aria-valuetext", `${this.size} pixels`);
    $("size-text").textContent = `${this.size} px`;
    this.drawCursor();
  }

  get largest() {
    return Math.max(this.work.width ?? 800, this.work.height ?? 0, 40) / 2;
  }

  moves() {
    return this.tool === "move" || this.spaceHeld;
  }

  begin(x, y, erases) {
    if (!this.work.hole) return;
    if (comparing()) return divide((100 * x) / this.work.width);
    if (!this.ready()) return;
    this.stroke = { x, y, value: erases || this.tool === "eraser" ? 0 : 1 };
    this.move(x, y);
    $("box").hidden = this.tool !== "rectangle";
  }

  move(x, y) {
    if (comparing()) return divide((100 * x) / this.work.width);
    const { stroke } = this;
    if (!stroke) return;
    if (this.tool === "rectangle") {
      stroke.box = this.boxTo(x, y);
      const [left, top, right, bottom] = stroke.box;
      Object.assign($("box").style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
      return;
    }
    this.work.hole.stroke(stroke.x, stroke.y, x, y, this.size / 2, stroke.value);
    Object.assign(stroke, { x, y });
  }

  end() {
    $("box").hidden = true;
    if (!this.stroke) return;
    if (this.stroke.box) this.work.hole.rectangle(...this.stroke.box, this.stroke.value);
    this.stroke = null;
    this.done();
  }

  cancel() {
    $("box").hidden = true;
    if (this.stroke) this.work.forget();
    this.stroke = null;
  }

  hover(event) {
    this.pointer = event?.pointerType === "touch" ? null : event;
    this.drawCursor();
  }

  drawCursor() {
    const brush = this.tool === "brush" || this.tool === "eraser";
    const round = Boolean(this.pointer && this.work.hole && brush && !this.spaceHeld && !comparing());
    const cursor = $("cursor");
    cursor.hidden = !round;
    $("viewport").dataset.cursor = this.moves() ? "move" : comparing() ? "divide" : round ? "none" : "cross";
    if (!round) return;
    const frame = $("viewport").getBoundingClientRect();
    const side = Math.max(this.size * this.view.scale, 3);
    cursor.style.width = cursor.style.height = `${side}px`;
    cursor.style.transform = `translate(${this.pointer.clientX - frame.left - side / 2}px, ${this.pointer.clientY - frame.top - side / 2}px)`;
  }

  /* left, top, right, bottom of the rectangle from its first corner to a point, cut off at the photograph's edges. */
  boxTo(x, y) {
    const [left, right] = [this.stroke.x, x].sort((a, b) => a - b);
    const [top, bottom] = [this.stroke.y, y].sort((a, b) => a - b);
    return [left, top, right, bottom].map((value, i) => Math.min(Math.max(Math.round(value), 0), i % 2 ? this.work.height : this.work.width));
  }
}
