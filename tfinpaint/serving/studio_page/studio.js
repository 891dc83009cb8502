/* The page: its buttons, keys and files, and what it says. What is worked on is in work.js. */

import { canvasIsExact } from "./pictures.js";
import { listen } from "./pointers.js";
import * as server from "./server.js";
import { View } from "./view.js";
import { Work } from "./work.js";

const $ = (id) => document.getElementById(id);
const work = new Work({ photo: $("photo"), original: $("original"), hole: $("hole") });
const view = new View($("viewport"), $("stage"), () => drawCursor());
let tool = "brush";
let busy = null; // an AbortController while something is filled
let stroke = null; // the last place of a stroke, or the corner of a rectangle
let spaceHeld = false;
let pointer = null; // the last event of a mouse over the photograph

// ---------------------------------------------------------------------------------------------------------- what is said

function say(text) {
  $("status").textContent = text;
  $("error").hidden = true;
}

function complain(error) {
  $("error-text").textContent = error.message ?? String(error);
  $("error").hidden = false;
}

const percent = (share) => `${(100 * share).toFixed(share < 0.01 ? 2 : 1)} %`;

/* Runs what a person asked for; an error becomes a line, and everything stays as it was. */
async function attempt(action) {
  try {
    await action();
  } catch (error) {
    complain(error);
  }
  refresh();
}

/* The same for what needs a photograph that is not being filled. */
function edit(action) {
  return attempt(() => {
    if (!work.hole) throw new Error("Open a photograph first");
    if (busy) throw new Error("The hole is being filled: Esc stops that");
    return action();
  });
}

function refresh() {
  const open = work.hole !== null;
  document.body.classList.toggle("open", open);
  document.body.classList.toggle("busy", busy !== null);
  for (const button of document.querySelectorAll("[data-needs=photo]")) button.disabled = !open || busy !== null;
  $("undo").disabled = !open || busy || work.at === 0;
  $("redo").disabled = !open || busy || work.at === work.states.length - 1;
  $("compare").disabled = !open || !work.isFilled;
  if (open && !work.isFilled) compare(false);
  $("fill-text").textContent = busy ? "Stop" : "Fill";
  $("fill").disabled = !open;
  for (const button of document.querySelectorAll("[data-tool]")) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
  drawCursor();
}

function tellHole() {
  const share = work.share;
  say(share ? `Red is the hole: ${percent(share)} of ${work.width}×${work.height} pixels` : `${work.width}×${work.height} pixels, nothing is painted red`);
}

// ------------------------------------------------------------------------------------------------------------ files in

async function open(file) {
  if (!file) return;
  if (busy) throw new Error("The hole is being filled: Esc stops that");
  if (work.isUnsaved && !window.confirm("The filled photograph has not been saved. Open another one?")) return;
  const note = await work.open(file);
  compare(false);
  view.show(work.width, work.height);
  setSize(Math.max(work.width, work.height) / 20);
  say(`${file.name || "Pasted"}, ${work.width}×${work.height} pixels. Paint red what is to be filled. ${note}`);
}

function chooseFile(input, action) {
  $(input).addEventListener("change", () => {
    const [file] = $(input).files;
    $(input).value = ""; // or the same file could not be chosen again
    action(file);
  });
}

function loadMask(file) {
  return edit(async () => {
    const changed = await work.loadMask(file);
    tellHole();
    if (!changed) say("The mask is the hole that is there already");
    if (!work.share) throw new Error(`${file.name} has no hole: no pixel is white`);
  });
}

function pictureOf(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0];
}

chooseFile("photo-file", (file) => attempt(() => open(file)));
chooseFile("mask-file", (file) => file && loadMask(file));
document.addEventListener("paste", (event) => {
  const file = pictureOf(event.clipboardData);
  if (file) attempt(() => open(file));
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("drop");
});
document.addEventListener("dragleave", (event) => event.relatedTarget || document.body.classList.remove("drop"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("drop");
  const file = pictureOf(event.dataTransfer);
  attempt(() => (file ? open(file) : complain("What was dropped is no file: drag a photograph from a folder")));
});
window.addEventListener("beforeunload", (event) => work.isUnsaved && event.preventDefault());

// ------------------------------------------------------------------------------------------------------------ files out

function download(file, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  say(`Saved ${name}`);
}

const save = () => edit(async () => {
  say("Writing the PNG…");
  download(await work.photoFile(), `${work.name}_filled.png`);
});

const saveMask = () => edit(async () => {
  if (!work.share && !work.isFilled) throw new Error("There is no mask yet: nothing was painted red and nothing was filled");
  download(await work.maskFile(), `${work.name}_mask.png`);
  say(`Saved ${work.name}_mask.png: white is what was filled${work.share ? " and what is painted red now" : ""}`);
});

// --------------------------------------------------------------------------------------------------------------- filling

async function fill() {
  if (busy) return busy.abort();
  return edit(async () => {
    if (!work.share) throw new Error("Nothing is painted red: brush over what is to be filled");
    if (work.share === 1) throw new Error("All of the photograph is painted red: nothing is left to fill it from");
    compare(false);
    busy = new AbortController();
    const model = $("model").value;
    const start = performance.now();
    const seconds = () => ((performance.now() - start) / 1000).toFixed(1);
    let part = "";
    const clock = setInterval(() => say(`Filling${part} with ${model}… ${seconds()} s`), 200);
    say(`Filling with ${model}…`);
    refresh();
    try {
      await work.fill(model, busy.signal, (i, count) => (part = count > 1 ? ` hole ${i} of ${count}` : ""));
      say(`Filled with ${model} in ${seconds()} s. Brush and fill again, or compare.`);
    } catch (error) {
      if (error.name !== "AbortError") throw error;
      say("Stopped: nothing was filled");
    } finally {
      clearInterval(clock);
      busy = null;
    }
  });
}

async function checkModel() {
  const model = $("model").value;
  $("model").title = $("model").selectedOptions[0].title;
  $("model-state").className = "unknown";
  try {
    await server.check(model);
    $("model-state").className = "ready";
    $("model-state").title = `${model} is ready`;
  } catch (error) {
    $("model-state").className = "missing";
    $("model-state").title = error.message;
    complain(error);
  }
}

// --------------------------------------------------------------------------------------------------------------- comparing

function compare(on) {
  document.body.classList.toggle("comparing", on);
  $("compare").setAttribute("aria-pressed", String(on));
  if (on) divide(50);
}

const comparing = () => document.body.classList.contains("comparing");

function divide(share) {
  share = Math.min(Math.max(share, 0), 100);
  $("divider").value = share;
  $("original").style.clipPath = `inset(0 ${100 - share}% 0 0)`;
  $("line").style.left = `${share}%`;
}

const toggleCompare = () => edit(() => {
  if (!work.isFilled) throw new Error("Nothing was filled yet: there is nothing to compare");
  compare(!comparing());
  say(comparing() ? "Left of the line: the photograph as it was opened. Right: as it is now." : `${work.width}×${work.height} pixels`);
});

// ---------------------------------------------------------------------------------------------------------------- drawing

const size = () => Number($("size").dataset.pixels);

/* Diameter of the brush in pixels of the photograph; the slider is logarithmic. */
function setSize(pixels) {
  const most = Math.max(work.width ?? 0, work.height ?? 0, 20) / 2;
  pixels = Math.round(Math.min(Math.max(pixels, 1), most));
  $("size").dataset.pixels = pixels;
  $("size").value = (100 * Math.log(pixels)) / Math.log(most);
  $("size").setAttribute("aria-valuetext", `${pixels} pixels`);
  $("size-text").textContent = `${pixels} px`;
  drawCursor();
}

function drawCursor() {
  const round = pointer && work.hole && (tool === "brush" || tool === "eraser") && !spaceHeld && !comparing() && !busy;
  const cursor = $("cursor");
  cursor.hidden = !round;
  $("viewport").dataset.cursor = spaceHeld || tool === "move" ? "move" : comparing() ? "divide" : round ? "none" : "cross";
  if (!round) return;
  const frame = $("viewport").getBoundingClientRect();
  const side = Math.max(size() * view.scale, 3);
  cursor.style.width = cursor.style.height = `${side}px`;
  cursor.style.transform = `translate(${pointer.clientX - frame.left - side / 2}px, ${pointer.clientY - frame.top - side / 2}px)`;
}

function boxTo(x, y) {
  const [left, right] = [stroke.x, x].sort((a, b) => a - b);
  const [top, bottom] = [stroke.y, y].sort((a, b) => a - b);
  return [left, top, right, bottom].map((value, i) => Math.min(Math.max(Math.round(value), 0), i % 2 ? work.height : work.width));
}

function drawBox([left, top, right, bottom]) {
  Object.assign($("box").style, { left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
}

const tools = {
  moves: () => tool === "move" || spaceHeld,
  begin(x, y, erases) {
    if (!work.hole) return;
    if (busy) return complain("The hole is being filled: Esc stops that");
    if (comparing()) return divide((100 * x) / work.width);
    stroke = { x, y, value: erases || tool === "eraser" ? 0 : 1 };
    if (tool === "rectangle") {
      drawBox(boxTo(x, y));
      $("box").hidden = false;
    } else this.move(x, y);
  },
  move(x, y) {
    if (comparing()) return divide((100 * x) / work.width);
    if (!stroke) return;
    if (tool === "rectangle") {
      stroke.box = boxTo(x, y);
      return drawBox(stroke.box);
    }
    work.hole.stroke(stroke.x, stroke.y, x, y, size() / 2, stroke.value);
    Object.assign(stroke, { x, y });
  },
  end() {
    $("box").hidden = true;
    if (!stroke) return;
    if (stroke.box) work.hole.rectangle(...stroke.box, stroke.value);
    stroke = null;
    if (work.remember()) tellHole();
    refresh();
  },
  cancel() {
    $("box").hidden = true;
    if (stroke) work.forget();
    stroke = null;
  },
  hover(event) {
    pointer = event?.pointerType === "touch" ? null : event;
    drawCursor();
  },
};
listen($("viewport"), view, tools);

// ------------------------------------------------------------------------------------------------------- buttons and keys

function choose(name) {
  if (stroke) tools.end();
  tool = name;
  compare(false);
  refresh();
}

function changeHole(change) {
  return edit(() => {
    change();
    work.remember();
    tellHole();
  });
}

const actions = {
  brush: () => choose("brush"),
  eraser: () => choose("eraser"),
  rectangle: () => choose("rectangle"),
  move: () => choose("move"),
  smaller: () => setSize(Math.min(size() / 1.25, size() - 1)),
  larger: () => setSize(Math.max(size() * 1.25, size() + 1)),
  undo: () => edit(() => work.undo() && tellHole()),
  redo: () => edit(() => work.redo() && tellHole()),
  clear: () => changeHole(() => (work.hole.runs = [])),
  invert: () => changeHole(() => work.hole.invert()),
  open: () => $("photo-file").click(),
  "load-mask": () => edit(() => $("mask-file").click()),
  fill, save, "save-mask": saveMask, compare: toggleCompare,
  "zoom-in": () => view.zoom(1.25),
  "zoom-out": () => view.zoom(0.8),
  fit: () => view.fit(),
  dismiss: () => ($("error").hidden = true),
  stop: () => (busy ? busy.abort() : stroke ? tools.cancel() : comparing() ? compare(false) : ($("error").hidden = true)),
};
const KEYS = { b: "brush", e: "eraser", r: "rectangle", h: "move", "[": "smaller", "]": "larger", f: "fill", s: "save", m: "save-mask",
               c: "compare", o: "open", l: "load-mask", i: "invert", Delete: "clear", "+": "zoom-in", "=": "zoom-in", "-": "zoom-out", 0: "fit",
               Escape: "stop" };

for (const button of document.querySelectorAll("[data-action]")) button.addEventListener("click", () => actions[button.dataset.action]());
$("size").addEventListener("input", () => {
  const most = Math.max(work.width ?? 0, work.height ?? 0, 20) / 2;
  setSize(most ** ($("size").value / 100));
});
$("divider").addEventListener("input", () => divide(Number($("divider").value)));
$("model").addEventListener("change", checkModel);

document.addEventListener("keydown", (event) => {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if ((event.ctrlKey || event.metaKey) && !event.altKey) {
    const action = { z: event.shiftKey ? "redo" : "undo", y: "redo", s: "save", o: "open" }[key];
    if (action) {
      event.preventDefault();
      actions[action]();
    }
    return;
  }
  if (event.altKey || event.target.closest("select")) return;
  if (key === " " && !event.target.closest("button")) {
    event.preventDefault();
    spaceHeld = true;
    return drawCursor();
  }
  if (key.startsWith("Arrow") && event.target === $("viewport") && work.hole) {
    event.preventDefault();
    const [dx, dy] = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[key];
    return comparing() && dx ? divide(Number($("divider").value) - dx / 30) : view.pan(dx, dy);
  }
  if (KEYS[key] && !event.repeat | /[[\]+=-]/.test(key)) actions[KEYS[key]]();
});
document.addEventListener("keyup", (event) => {
  if (event.key !== " ") return;
  spaceHeld = false;
  drawCursor();
});
window.addEventListener("blur", () => {
  spaceHeld = false;
  drawCursor();
});

attempt(async () => {
  for (const { name, about } of await server.models()) $("model").append(Object.assign(new Option(name, name), { title: about }));
  await checkModel();
  if (!canvasIsExact()) throw new Error("This browser alters what pages read from pictures: allow this page to read canvas data, or colours will be off");
});
