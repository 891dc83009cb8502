/* Before and after: the photograph as it was opened lies over the present one, up to a line that can be moved. */

import { $ } from "./page.js";

export const comparing = () => document.body.classList.contains("comparing");

export function compare(on) {
  if (on === comparing()) return;
  document.body.classList.toggle("comparing", on);
  $("compare").setAttribute("aria-pressed", String(on));
  divide(50);
}

/* share: how much of the photograph's width shows "before", in percent. */
export function divide(share) {
  share = Math.min(Math.max(share, 0), 100);
  $("divider").value = share;
  $("original").style.clipPath = `inset(0 ${100 - share}% 0 0)`;
  $("line").style.left = `${share}%`;
}

export const moveDivider = (by) => divide(Number($("divider").value) + by);

$("divider").addEventListener("input", () => divide(Number($("divider").value)));
