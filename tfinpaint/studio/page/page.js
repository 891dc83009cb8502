/* Messages of the page: a quiet line for what has happened, and a box for errors. They are text only, never HTML. */

export const $ = (id) => document.getElementById(id);

export function say(text) {
  goesOn(text, "");
  $("error").hidden = true;
}

/* Shows what is in progress, and for how long. An error stays visible. Screen readers read the line when it changes, and never the time. */
export function goesOn(text, time) {
  if ($("status").textContent !== text) $("status").textContent = text;
  $("time").textContent = time;
}

/* Shows `text` while the action lasts. If the action fails, the line shows its former text again. */
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
