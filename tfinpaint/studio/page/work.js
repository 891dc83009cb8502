/* The open photograph, its hole, and everything that can be undone.
 *
 * A state of the work is the hole (as runs), all pixels filled so far (as runs), and the pixels that have changed since the state before.
 * The state after a fill also has the hole that was filled.
 */

import { Hole, countOf, runsOf, union } from "./hole.js";
import { partsOf } from "./parts.js";
import * as pictures from "./pictures.js";
import * as server from "./server.js";

const NOTHING = new Uint32Array();
const MOST_MEMORY = 512 * 2 ** 20; // bytes of all remembered states: changed pixels before and after, and runs
const MOST_STATES = 500; // remembered states

export class Work {
  /* canvases: {photo, original, hole}, one above the other. */
  constructor(canvases) {
    this.canvases = canvases;
    this.hole = null; // until a photograph is open
    this.contexts = {}; // {model: its context, see parts.js}, for the models whose context is known
  }

  /* Opens a photograph. -> notes about it. If this fails or is stopped, the photograph that was open stays. */
  async open(file, signal) {
    const [canvas] = pictures.canvasOf(1, 1);
    const note = await pictures.readPhoto(file, canvas, signal);
    signal.throwIfAborted();
    const { photo, original, hole } = this.canvases;
    photo.width = this.width = canvas.width;
    photo.height = this.height = canvas.height;
    this.context = photo.getContext("2d", { willReadFrequently: true });
    this.context.drawImage(canvas, 0, 0);
    original.width = original.height = canvas.width = canvas.height = 0; // frees their memory
    this.name = (file.name || "photograph").replace(/\.[^.]*$/, "");
    this.hole = new Hole(hole, this.width, this.height);
    this.states = [{ hole: NOTHING, filled: NOTHING, patches: [] }];
    this.at = 0;
    this.seed = 0; // the largest one that was used so far
    this.savedFill = null;
    this.savedHole = NOTHING; // the hole that a mask file has: the one that was saved or loaded last
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

  /* What was not saved, for a question: a fill, or else a hole that no mask file has. "" if there is neither. */
  get unsaved() {
    if (this.hole === null) return "";
    if (this.isFilled && this.state.filled !== this.savedFill) return "filled photograph";
    return this.share && !same(this.state.hole, this.savedHole) ? "painted hole" : "";
  }

  /* Remembers the hole as it is now. -> false if it has not changed */
  remember() {
    const hole = this.hole.runs;
    if (same(hole, this.state.hole)) return false;
    this.push({ hole, filled: this.state.filled, patches: [] });
    return true;
  }

  /* Returns to the hole that was remembered last, when a stroke is cancelled. */
  forget() {
    this.hole.runs = this.state.hole;
  }

  /* Whether the last action was a fill, so that the hole can be filled differently. */
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

  /* Takes the hole from a mask file. -> lines that point out likely mistakes */
  async loadMask(file, signal) {
    const { pixels, warnings } = await pictures.readMask(file, this.width, this.height, signal);
    signal.throwIfAborted();
    const runs = runsOf(pixels);
    if (!runs.length) throw new Error(`${file.name} has no hole: no pixel is white (above 127)`);
    this.hole.runs = runs;
    this.remember();
    this.savedHole = runs;
    return warnings;
  }

  /* Fills the hole. From then on, the result is the photograph. If this fails, nothing changes.
   * progress: called with the number of the part and the number of all parts. */
  async fill(model, signal, progress) {
    await this.fillHole(this.state.hole, 0, model, signal, progress);
  }

  /* Fills the hole that was filled last differently. Undo brings back the fill before. */
  async fillAgain(model, signal, progress) {
    this.hole.runs = this.state.filledLast; // the pixels under it have no influence on the fill
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

  /* The pixels of a box before and after. Hole pixels become those of the answer. Known ones stay, whatever the server does to them. */
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

  /* The photograph as it is now, in the format of the name's ending. -> {picture: a file, notes: lines about it} */
  async photoFile(name, signal) {
    const { filled } = this.state;
    const png = await pictures.pngOf(this.canvases.photo);
    const file = name.endsWith(".png") ? { picture: png, notes: [] } : await server.saved(name, png, signal);
    signal.throwIfAborted();
    this.savedFill = filled;
    return file;
  }

  /* A PNG file in which white is all that was filled since the photograph was opened, and what is painted now. */
  async maskFile(signal) {
    const { hole } = this.state;
    const runs = union(this.state.filled, hole, this.width * this.height);
    const pixels = new Uint8Array(this.width * this.height);
    for (let i = 0; i < runs.length; i += 2) pixels.fill(1, runs[i], runs[i + 1]);
    const file = await pictures.maskFile(pixels, this.width, { left: 0, top: 0, right: this.width, bottom: this.height });
    signal.throwIfAborted();
    this.savedHole = hole;
    return file;
  }

  push(state) {
    this.states.splice(this.at + 1);
    this.states.push(state);
    while (this.states.length > 2 && (memoryOf(this.states) > MOST_MEMORY || this.states.length > MOST_STATES)) {
      this.states.shift();
      this.states[0].patches = []; // it is the first state now, from which nothing can be undone
    }
    this.at = this.states.length - 1;
  }
}

/* The bytes of pixels and runs in all states. States share runs that have not changed between them. */
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
