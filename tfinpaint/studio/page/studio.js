/* The page: what its buttons and keys do. work.js has the photograph and the hole. */

import { compare, comparing, moveDivider } from "./comparing.js";
import { Drawing } from "./drawing.js";
import { download, listenForFiles } from "./files.js";
import { $, complain, goesOn, say, saying } from "./page.js";
import { canvasIsExact } from "./pictures.js";
import { listen } from "./pointers.js";
import * as server from "./server.js";
import { View } from "./view.js";
import { Work } from "./work.js";

const work = new Work({ photo: $("photo"), original: $("original"), hole: $("hole") });
const view = new View($("viewport"), $("stage"), () => drawing.drawCursor());
const drawing = new Drawing(work, view, mayBegin, strokeDone);
let samples = false; // whether the model has several fills for one hole
let busy = null; // {what, fills, stop: an AbortController} while an action is in progress beside which no other may begin

// --------------------------------------------------------------------------------------------------- one thing at a time

/* Runs an action of the user. An error becomes a message, and everything stays as it was. A stroke that is being drawn is ended first, so
 * that the remembered hole is the one that is shown. */
async function attempt(action) {
  if (drawing.stroke) drawing.end();
  try {
    await action();
  } catch (error) {
    complain(error);
  }
  refresh();
}

/* The same for actions that need a photograph. */
function edit(action, what = "Working", stopped = "") {
  return attempt(() => {
    if (!work.hole) throw new Error("Open a photograph first");
    return alone(what, action, stopped);
  });
}

/* Runs an action while no other may begin. The action gets a signal, by which Esc stops it. stopped: what to say then. */
async function alone(what, action, stopped, fills = false) {
  if (busy) throw new Error(`${busy.what} goes on: Esc stops it`);
  busy = { what, fills, stop: new AbortController() };
  refresh();
  try {
    return await action(busy.stop.signal);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
    say(stopped);
  } finally {
    busy = null;
  }
}

function refresh() {
  const open = work.hole !== null;
  const filling = Boolean(busy?.fills);
  document.body.classList.toggle("open", open);
  document.body.classList.toggle("filling", filling);
  for (const button of document.querySelectorAll("[data-needs=photo]")) button.disabled = !open || filling;
  $("undo").disabled = !open || filling || !work.canUndo;
  $("redo").disabled = !open || filling || !work.canRedo;
  $("compare").disabled = !open || filling || !work.isFilled;
  if (open && !work.isFilled) compare(false);
  $("fill-text").textContent = filling ? "Stop" : "Fill";
  $("fill").disabled = !open;
  $("another").hidden = !samples;
  $("another").disabled = filling || !work.canFillAgain;
  for (const button of document.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === drawing.tool));
  drawing.drawCursor();
}

// ------------------------------------------------------------------------------------------------------ photograph and hole

const open = (file) => attempt(() => alone("Opening", async (signal) => {
  if (work.unsaved && !window.confirm(`The ${work.unsaved} has not been saved. Open another photograph?`)) return;
  const note = await saying(`Opening ${file.name}…`, () => work.open(file, signal));
  compare(false);
  view.show(work.width, work.height);
  drawing.setSize(Math.max(work.width, work.height) / 20);
  say(`${file.name || "Pasted"}, ${work.width}×${work.height} pixels. Paint the area to fill in red. ${note}`);
}, "Nothing was opened"));

const loadMask = (file) => edit(async (signal) => {
  const warnings = await saying(`Reading ${file.name}…`, () => work.loadMask(file, signal));
  compare(false);
  tellHole();
  if (warnings.length) complain(`${file.name}: ${warnings.join("; ")}`);
}, "Reading the mask", "No mask was read: the hole is as it was");

function tellHole() {
  const percent = 100 * work.share;
  const size = `${work.width}×${work.height} pixels`;
  say(percent ? `Red is the hole: ${percent.toFixed(percent < 1 ? 2 : 1)} % of ${size}` : `${size}, nothing is painted red`);
}

function mayBegin() {
  if (busy) complain(`${busy.what} goes on: Esc stops it`);
  return !busy;
}

function strokeDone() {
  if (work.remember()) tellHole();
  refresh();
}

function choose(tool) {
  if (drawing.stroke) drawing.end();
  drawing.tool = tool;
  compare(false);
  refresh();
}

const change = (action) => edit(() => {
  compare(false);
  action();
  work.remember();
  tellHole();
});

const step = (action) => {
  drawing.cancel(); // otherwise `attempt` would end the stroke, and undo would only undo that
  return edit(() => {
    if (!action()) return;
    compare(false);
    tellHole();
  });
};

// ------------------------------------------------------------------------------------------------- filling, comparing, saving

function fill(event) {
  if (event?.detail > 1) return; // the second click of a double click would stop the fill
  if (busy?.fills) return busy.stop.abort();
  return attempt(() => {
    if (!work.hole) throw new Error("Open a photograph first");
    if (!work.share) throw new Error("Nothing is painted red: brush over what is to be filled");
    if (work.share === 1) throw new Error("All of the photograph is painted red: nothing is left to fill it from");
    return fillBy((...how) => work.fill(...how), "Nothing was filled: the hole is as it was");
  });
}

function fillAgain() {
  return attempt(() => {
    if (!samples) throw new Error(`${$("model").value} has one fill for each hole`);
    if (!work.canFillAgain) throw new Error("Fill a hole first: then it can be filled differently");
    return fillBy((...how) => work.fillAgain(...how), "Nothing was filled: the photograph is as it was");
  });
}

/* way: work.fill or work.fillAgain. otherwise: what to say if that fails. */
function fillBy(way, otherwise) {
  compare(false);
  return alone("Filling", (signal) => fillWith($("model").value, signal, way, otherwise), otherwise, true);
}

async function fillWith(model, signal, way, otherwise) {
  const start = performance.now();
  const seconds = () => `${((performance.now() - start) / 1000).toFixed(1)} s`;
  let part = "";
  const tell = () => goesOn(`Filling${part} with ${model}…`, seconds());
  const clock = setInterval(tell, 200);
  $("error").hidden = true;
  tell();
  try {
    await way(model, signal, (i, count) => (part = count > 1 ? ` hole ${i} of ${count}` : ""));
    say(`Filled with ${model} in ${seconds()}. Brush and fill again${samples ? ", ask for another one" : ""}, or compare.`);
    if (model === $("model").value && $("model-state").className !== "ready") checkModel(); // it was not available before
  } catch (error) {
    if (error.name !== "AbortError") say(otherwise); // `alone` says it of a fill that was stopped
    throw error;
  } finally {
    clearInterval(clock);
  }
}

async function checkModel() {
  const model = $("model").value;
  const state = $("model-state");
  $("model").title = $("model").selectedOptions[0].title;
  Object.assign(state, { className: "", title: "" });
  samples = false;
  refresh();
  try {
    await server.check(model);
    const several = await server.hasSamples(model);
    if (model !== $("model").value) return;
    samples = several;
    refresh();
    Object.assign(state, { className: "ready", title: `${model} is ready` });
  } catch (error) {
    if (model !== $("model").value) return;
    Object.assign(state, { className: "missing", title: error.message });
    complain(error);
  }
}

const toggleCompare = () => edit(() => {
  if (!work.isFilled) throw new Error("Nothing was filled yet: there is nothing to compare");
  compare(!comparing());
  if (comparing()) say("Left of the line: the photograph as it was opened. Right: as it is now.");
  else tellHole();
});

const save = () => edit(async (signal) => {
  const name = `${work.name}_filled${$("ending").value}`;
  const { picture, notes } = await saying("Writing the file…", () => work.photoFile(name, signal));
  download(picture, name, notes.map((note) => `. ${note}`).join(""));
}, "Saving", "Nothing was saved");

const saveMask = () => edit(async (signal) => {
  if (!work.share && !work.isFilled) throw new Error("There is no mask yet: nothing was painted red and nothing was filled");
  const white = !work.isFilled ? "what is painted red" : work.share ? "what was filled and what is painted red now" : "what was filled";
  download(await work.maskFile(signal), `${work.name}_mask.png`, `: white is ${white}`);
}, "Saving", "Nothing was saved");

// ------------------------------------------------------------------------------------------------------- buttons and keys

const actions = {
  brush: () => choose("brush"),
  eraser: () => choose("eraser"),
  rectangle: () => choose("rectangle"),
  move: () => choose("move"),
  smaller: () => drawing.setSize(Math.min(drawing.size / 1.25, drawing.size - 1)),
  larger: () => drawing.setSize(Math.max(drawing.size * 1.25, drawing.size + 1)),
  undo: () => step(() => work.undo()),
  redo: () => step(() => work.redo()),
  clear: () => change(() => (work.hole.runs = [])),
  invert: () => change(() => work.hole.invert()),
  open: () => $("photo-file").click(),
  "load-mask": () => edit(() => $("mask-file").click()),
  fill, another: fillAgain, save, "save-mask": saveMask, compare: toggleCompare,
  "zoom-in": () => view.zoom(1.25),
  "zoom-out": () => view.zoom(0.8),
  fit: () => view.fit(),
  dismiss: () => ($("error").hidden = true),
  stop() {
    if (busy) busy.stop.abort();
    else if (drawing.stroke) drawing.cancel();
    else if (comparing()) compare(false);
    else $("error").hidden = true;
  },
};
const KEYS = { b: "brush", e: "eraser", r: "rectangle", h: "move", "[": "smaller", "]": "larger", f: "fill", n: "another", s: "save", m: "save-mask",
               c: "compare", o: "open", l: "load-mask", i: "invert", Delete: "clear", "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", 0: "fit",
               Escape: "stop" };
const ENDINGS = [".png", ".webp", ".avif", ".jxl", ".tif", ".jpg"]; // to save with
const MAY_REPEAT = ["smaller", "larger", "zoom-in", "zoom-out", "undo", "redo"];
const ARROWS = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };

function keyDown(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if ((event.ctrlKey || event.metaKey) && !event.altKey) {
    const action = { z: event.shiftKey ? "redo" : "undo", y: "redo", s: "save", o: "open" }[key];
    if (!action) return;
    event.preventDefault();
    if (!event.repeat || MAY_REPEAT.includes(action)) actions[action]();
  } else if (event.altKey || (event.target.closest("select") && key !== "Escape")) {
    return; // a list has its own keys
  } else if (key === " " && !event.target.closest("button")) {
    event.preventDefault();
    hold(true);
  } else if (ARROWS[key] && !event.target.closest("input") && work.hole) {
    event.preventDefault();
    const [dx, dy] = ARROWS[key];
    if (comparing() && dx) moveDivider(-Math.sign(dx) * 2);
    else view.pan(dx, dy);
  } else if (KEYS[key] && (!event.repeat || MAY_REPEAT.includes(KEYS[key]))) {
    actions[KEYS[key]]();
  }
}

function hold(space) {
  drawing.spaceHeld = space;
  drawing.drawCursor();
}

for (const button of document.querySelectorAll("[data-action]")) {
  button.addEventListener("click", (event) => {
    // Space moves the view after a click; a button keeps the focus, and space, if a key pressed it.
    if (event.detail > 0) $("viewport").focus({ preventScroll: true });
    actions[button.dataset.action](event);
  });
}
$("model").addEventListener("change", checkModel);
document.addEventListener("keydown", keyDown);
document.addEventListener("keyup", (event) => event.key === " " && hold(false));
window.addEventListener("blur", () => hold(false));
window.addEventListener("beforeunload", (event) => work.unsaved && event.preventDefault());
listen($("viewport"), view, drawing);
listenForFiles(open, loadMask);

attempt(async () => {
  const { models, endings } = await server.lists();
  for (const ending of ENDINGS) if (endings.includes(ending)) $("ending").append(new Option(ending.slice(1).toUpperCase(), ending));
  for (const { name, about, context } of models) {
    $("model").append(Object.assign(new Option(name, name), { title: about }));
    work.contexts[name] = context;
  }
  await checkModel();
  if (!canvasIsExact()) throw new Error("This browser alters what pages read from pictures: allow this page to read canvas data, or colours will be off");
});
