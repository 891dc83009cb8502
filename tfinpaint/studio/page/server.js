/* Requests of the page to the studio: those of TensorFlow Serving's REST contract that it needs, and the reading and writing of files. */

const SAMPLE = "sample"; // the signature of a model that has several fills for one hole
const GONE = "The studio cannot be reached: has it been ended? Start it again; your work on this page is kept";
const LARGEST = 256 * 2 ** 20; // bytes of a request that the server takes

/* Fills one photograph. image, mask: PNG files. seed: chooses a fill if the model has several; 0 is the default one.
 * -> a PNG file. Throws an Error with a line for the user. */
export async function fill(model, image, mask, signal, seed = 0) {
  const which = seed ? `"signature_name": "${SAMPLE}", "inputs": {"seed": [${seed}], ` : '"inputs": {';
  const request = [`{${which}"image_bytes": [{"b64": "`, await base64(image), '"}], "mask_bytes": [{"b64": "', await base64(mask), '"}]}}'];
  const size = request.reduce((sum, part) => sum + part.length, 0);
  if (size > LARGEST) throw new Error(`This part of the photograph is too large to be sent (${size >> 20} MB, the server takes 256): fill less at once`);
  const answer = await ask(`v1/models/${encodeURIComponent(model)}:predict`, { method: "POST", body: new Blob(request, { type: "application/json" }), signal });
  const b64 = answer?.outputs?.[0]?.b64;
  if (typeof b64 !== "string") throw new Error("The server answered without a picture: is it a model that tfinpaint exported?");
  return new Blob([bytesOf(b64)], { type: "image/png" });
}

/* Throws an Error with a line for the user if the model is not available. */
export async function check(model) {
  const answer = await ask(`v1/models/${encodeURIComponent(model)}`, {});
  const states = (answer?.model_version_status ?? []).map((version) => version.state);
  if (!states.includes("AVAILABLE")) throw new Error(`${model} is not available: ${states.join(", ") || "the server says nothing about it"}`);
}

/* Whether the model has several fills for one hole; false if its server does not tell. */
export async function hasSamples(model) {
  try {
    const answer = await ask(`v1/models/${encodeURIComponent(model)}/metadata`, {});
    return SAMPLE in (answer?.metadata?.signature_def?.signature_def ?? {});
  } catch {
    return false;
  }
}

/* {models: [{name, about, context: see parts.js, if it is known}, ...], endings: [".png", ...] of the formats in which the studio can save}. */
export function lists() {
  return ask("models.json", {});
}

/* A file as every command of tfinpaint reads it. what: "photograph" or "mask". -> {picture: a PNG file, notes: lines about it} */
export async function opened(what, file, signal) {
  try {
    const reader = file.stream().getReader();
    await reader.read(); // otherwise its error would look like that of a server that is gone
    await reader.cancel();
  } catch {
    throw new Error(`${file.name || "What was pasted"} cannot be read: was it moved, or is it a folder?`);
  }
  return sent(`opened/${what}?name=${encodeURIComponent(file.name || "")}`, file, signal);
}

/* Converts a PNG file to the format of the name's ending. -> {picture, notes} */
export function saved(name, file, signal) {
  return sent(`saved/${encodeURIComponent(name)}`, file, signal);
}

async function sent(path, file, signal) {
  let response, picture;
  try {
    // Without a type of ours, the browser sends that of the file's name. The server refuses text and no type: forms of other sites send those.
    response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file, signal });
    picture = await response.blob();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(GONE);
  }
  if (response.ok) return { picture, notes: JSON.parse(decodeURIComponent(response.headers.get("Notes"))) };
  let line = response.statusText;
  try {
    line = JSON.parse(await picture.text()).error;
  } catch { /* the answer has no line of ours: the status says what is wrong */ }
  throw new Error(line);
}

async function ask(path, options) {
  let response, text;
  try {
    response = await fetch(path, options);
    text = await response.text();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error(GONE);
  }
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Error(`The server answered ${response.status} ${response.statusText}, and no JSON: is it TensorFlow Serving?`);
  }
  if (!response.ok) throw new Error(`${shortened(answer?.error ?? response.statusText)} (${response.status})`);
  return answer;
}

/* The first line of a message. In TensorFlow Serving's messages, many lines about the place in the graph follow it. */
function shortened(message) {
  const line = String(message).split("\n").map((one) => one.trim()).filter((one) => one)[0] ?? "The server answered with an error";
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}

function base64(blob) {
  return new Promise((give, fail) => {
    const reader = new FileReader();
    reader.onload = () => give(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => fail(new Error("The browser has no memory left for a photograph of this size"));
    reader.readAsDataURL(blob);
  });
}

function bytesOf(b64) {
  let text;
  try {
    text = atob(b64);
  } catch {
    throw new Error("The server answered with a picture that is not base64");
  }
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
