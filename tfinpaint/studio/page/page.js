/* What the page says: a quiet line for what happened, a visible one for what went wrong. Text only, never HTML. */

export const $ = (id) => document.getElementById(id);

export function say(text) {
  $("status").textContent = text;
  $("error").hidden = true;
}

export function complain(error) {
  $("error-text").textContent = error.message ?? String(error);
  $("error").hidden = false;
}
