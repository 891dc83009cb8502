/* The photograph that is worked on, its hole, and everything that can be undone.
 *
 * A state of the work is the hole (as runs), all that was filled up to it (as runs), and the pixels that a fill has changed in getting there.
 * The state after a fill also knows the hole that was filled.
 */

import { Hole, countOf, runsOf, union } from "./hole.js";
import { partsOf } from "./parts.js";
import * as pictures from "./pictures.js";
import * as server from "./server.js";

const NOTHING = new Uint32Array();
const MOST_MEMORY = 512 * 2 ** 20; // bytes that are remembered: changed pixels before and after, and runs
const MOST_STATES = 500;

export class Work {
  /* canvases: {photo, original, hole}, one above the other. */
  constructor(canvases) {
    this.canvases = canvases;
    this.hole = null; // until there is a photograph
    this.contexts = {}; // {model: see parts.js}, of models of which it is known
  }

  /* Opens another photograph. -> what there is to say about it. What was open stays when this fails. */
  async open(file) {
    const [canvas] = pictures.canvasOf(1, 1);
    const note = await pictures.readPhoto(file, canvas);
    const { photo, original, hole } = this.canvases;
    photo.width = this.width = canvas.width;
    photo.height = this.height = canvas.height;
    this.context = photo.getContext("2d", { willReadFrequently: true });
    this.context.drawImage(canvas, 0, 0);
    original.width = original.height = canvas.width = canvas.height = 0; // their memory
    this.name = (file.name || "photograph").replace(/\.[^.]*$/, "");
    this.hole = new Hole(hole, this.width, this.height);
    this.states = [{ hole: NOTHING, filled: NOTHING, patches: [] }];
    this.at = 0;
    this.seed = 0; // the last that was asked for
    this.savedFill = null;
    return note;
  }

  get state() {
    return this.states[this.at];
  }

  /* Share of hole pixels, 0 to 1. */
  get share() {
    return countOf(this.state.hole) / (this.width * this.height);
  }

  get isFilled() {
    return this.state.filled.length > 0;
  }

  /* Is there a fill that was not saved? */
  get isUnsaved() {
    return this.hole !== null && this.isFilled && this.state.filled !== this.savedFill;
  }

  /* Remembers the hole as it is now; -> false where it has not changed. */
  remember() {
    const hole = this.hole.runs;
    if (same(hole, this.state.hole)) return false;
    this.push({ hole, filled: this.state.filled, patches: [] });
    return true;
  }

  /* Back to what was remembered last: a stroke was given up. */
  forget() {
    this.hole.runs = this.state.hole;
  }

  /* Was a hole filled last, so that it can be filled in another way? */
  get canFillAgain() {
    return this.hole !== null && this.state.filledLast !== undefined;
  }

  get canUndo() {
    return this.at > 0;
  }

  get canRedo() {
    return this.at < this.states.length - 1;
  }

  undo() {
    if (!this.canUndo) return false;
    for (const { x, y, before } of this.state.patches) this.context.putImageData(before, x, y);
    this.at -= 1;
    this.hole.runs = this.state.hole;
    return true;
  }

  redo() {
    if (!this.canRedo) return false;
    this.at += 1;
    for (const { x, y, after } of this.state.patches) this.context.putImageData(after, x, y);
    this.hole.runs = this.state.hole;
    return true;
  }

  /* The hole becomes that of a mask file. -> lines that point out likely mistakes */
  async loadMask(file) {
    const { pixels, warnings } = await pictures.readMask(file, this.width, this.height);
    const runs = runsOf(pixels);
    if (!runs.length) throw new Error(`${file.name} has no hole: no pixel is white (above 127)`);
    this.hole.runs = runs;
    this.remember();
    return warnings;
  }

  /* Fills the hole; the result is the photograph from then on. Nothing changes when this fails.
   * progress: called with the number of the part and how many there are. */
  async fill(model, signal, progress) {
    await this.fillHole(this.state.hole, 0, model, signal, progress);
  }

  /* Fills the hole that was filled last in another way; undo brings back the way before. */
  async fillAgain(model, signal, progress) {
    this.hole.runs = this.state.filledLast; // what lies under it has no influence
    try {
      await this.fillHole(this.state.filledLast, this.seed + 1, model, signal, progress);
    } catch (error) {
      this.hole.runs = this.state.hole;
      throw error;
    }
    this.seed += 1;
  }

  async fillHole(hole, seed, model, signal, progress) {
    const { filled } = this.state;
    const { width, height } = this;
    const parts = partsOf(hole, width, height, this.contexts[model]);
    const patches = [];
    for (const [i, { hole: box, part }] of parts.entries()) {
      progress(i + 1, parts.length);
      const files = [await pictures.photoFile(this.canvases.photo, part), await pictures.maskFile(this.hole.pixels, width, part)];
      const answer = await server.fill(model, ...files, signal, seed);
      const pixels = await pictures.pixelsOf(answer, part.right - part.left, part.bottom - part.top);
      patches.push(this.patch(pixels, part, box));
    }
    signal.throwIfAborted();
    const { photo, original } = this.canvases;
    if (!original.width) {
      original.width = width;
      original.height = height;
      original.getContext("2d", { willReadFrequently: true }).drawImage(photo, 0, 0);
    }
    for (const { x, y, after } of patches) this.context.putImageData(after, x, y);
    this.hole.runs = NOTHING;
    this.push({ hole: NOTHING, filled: union(filled, hole, width * height), patches, filledLast: hole });
  }

  /* The pixels of a box before and after: hole pixels become those of the answer, known ones stay whatever a server does to them. */
  patch(answer, part, box) {
    const before = this.context.getImageData(box.left, box.top, box.right - box.left, box.bottom - box.top);
    const after = new ImageData(new Uint8ClampedArray(before.data), before.width, before.height);
    const [from, to] = [new Uint32Array(answer.buffer), new Uint32Array(after.data.buffer)];
    for (let y = 0; y < after.height; y++) {
      const inHole = (box.top + y) * this.width + box.left;
      const inPart = (box.top + y - part.top) * (part.right - part.left) + box.left - part.left;
      for (let x = 0; x < after.width; x++) if (this.hole.pixels[inHole + x]) to[y * after.width + x] = from[inPart + x] | 0xff000000;
    }
    return { x: box.left, y: box.top, before, after };
  }

  /* The photograph as it is now. name: its ending says the format. -> {picture: a file, notes: lines about it} */
  async photoFile(name) {
    const { filled } = this.state;
    const png = await pictures.pngOf(this.canvases.photo);
    const file = name.endsWith(".png") ? { picture: png, notes: [] } : await server.saved(name, png);
    this.savedFill = filled;
    return file;
  }

  /* All that was filled since the photograph was opened, and what is painted now: white in a PNG file. */
  async maskFile() {
    const runs = union(this.state.filled, this.state.hole, this.width * this.height);
    const pixels = new Uint8Array(this.width * this.height);
    for (let i = 0; i < runs.length; i += 2) pixels.fill(1, runs[i], runs[i + 1]);
    return pictures.maskFile(pixels, this.width, { left: 0, top: 0, right: this.width, bottom: this.height });
  }

  push(state) {
    this.states.splice(this.at + 1);
    this.states.push(state);
    while (this.states.length > 2 && (memoryOf(this.states) > MOST_MEMORY || this.states.length > MOST_STATES)) {
      this.states.shift();
      this.states[0].patches = []; // it is the first now: nothing is undone from it
    }
    this.at = this.states.length - 1;
  }
}

/* Bytes of pixels and runs; states share the runs that have not changed between them. */
function memoryOf(states) {
  const runs = new Set(states.flatMap(({ hole, filled, filledLast }) => [hole, filled, filledLast ?? NOTHING]));
  let sum = 0;
  for (const one of runs) sum += one.byteLength;
  for (const { patches } of states) for (const { after } of patches) sum += 2 * after.data.length;
  return sum;
}

function same(a, b) {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
