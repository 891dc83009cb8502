/* What the page says: a quiet line for what happened, a visible one for what went wrong. Text only, never HTML. */

export const $ = (id) => document.getElementById(id);

export function say(text) {
  goesOn(text, "");
  $("error").hidden = true;
}

/* What goes on, and for how long. An error stays. The line is read aloud only when it changes, the time never. */
export function goesOn(text, time) {
  if ($("status").textContent !== text) $("status").textContent = text;
  $("time").textContent = time;
}

/* The line says `text` while the action lasts. Where the action fails, it says again what it said before. */
export async function saying(text, action) {
  const before = $("status").textContent;
  say(text);
  try {
    return await action();
  } catch (error) {
    say(before);
    throw error;
  }
}

export function complain(error) {
  $("error-text").textContent = error.message ?? String(error);
  $("error").hidden = false;
}
