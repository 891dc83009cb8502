/* Mouse, pen and fingers on the photograph: one pointer draws, two zoom and move; the middle button or a held space bar moves the view.
 *
 * tools: begin(x, y, erases), move(x, y), end(), cancel(), hover(event or null), in pixels of the photograph; moves(): whether the tool moves
 * the view.
 */

const PEN_ERASER = 32; // bit in `buttons`

export function listen(viewport, view, tools) {
  const down = new Map(); // pointerId -> its last place in the window
  let mode = null; // null, "draw", "move" or "pinch"

  viewport.addEventListener("pointerdown", (event) => {
    if (event.button === 2 || event.target.closest("button, input")) return;
    viewport.setPointerCapture(event.pointerId);
    down.set(event.pointerId, event);
    if (down.size === 2) {
      if (mode === "draw") tools.cancel();
      mode = "pinch";
    } else if (down.size === 1) {
      mode = event.button === 1 || tools.moves() ? "move" : "draw";
      if (mode === "draw") tools.begin(...view.toPhoto(event.clientX, event.clientY), (event.buttons & PEN_ERASER) > 0);
    }
  });

  viewport.addEventListener("pointermove", (event) => {
    tools.hover(event);
    const last = down.get(event.pointerId);
    if (!last) return;
    if (mode === "draw") {
      const all = event.getCoalescedEvents?.() ?? [];
      for (const one of all.length ? all : [event]) tools.move(...view.toPhoto(one.clientX, one.clientY));
    } else if (mode === "move") {
      view.pan(event.clientX - last.clientX, event.clientY - last.clientY);
    } else if (mode === "pinch" && down.size === 2) {
      const other = [...down].find(([id]) => id !== event.pointerId)[1];
      const [before, after] = [last, event].map((one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY));
      view.pan((event.clientX - last.clientX) / 2, (event.clientY - last.clientY) / 2);
      if (before > 0) view.zoom(after / before, (event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2);
    }
    down.set(event.pointerId, event);
  });

  const up = (event, finish) => {
    if (!down.delete(event.pointerId)) return;
    if (mode === "draw") finish();
    if (mode !== "pinch" || down.size === 0) mode = null; // a finger that stays down after a pinch does not draw
  };
  viewport.addEventListener("pointerup", (event) => up(event, () => tools.end()));
  viewport.addEventListener("pointercancel", (event) => up(event, () => tools.cancel()));
  viewport.addEventListener("pointerleave", () => tools.hover(null));
  viewport.addEventListener("contextmenu", (event) => event.preventDefault());
  viewport.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    view.zoom(Math.exp(-Math.max(-200, Math.min(200, event.deltaY * lines)) * (event.ctrlKey ? 0.01 : 0.002)), event.clientX, event.clientY);
  }, { passive: false });
}
