/* Files that come into the page, by a file chooser, the clipboard or a drop, and files that are saved. */

import { $, complain, say } from "./page.js";

/* opened, masked: called with a file. */
export function listenForFiles(opened, masked) {
  for (const [id, action] of [["photo-file", opened], ["mask-file", masked]]) {
    $(id).addEventListener("change", () => {
      const [file] = $(id).files;
      $(id).value = ""; // otherwise the same file could not be chosen again
      if (file) action(file);
    });
  }
  document.addEventListener("paste", (event) => {
    const file = pictureOf(event.clipboardData);
    if (file) opened(file);
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
    if (file) opened(file);
    else complain("What was dropped is no file: drag a photograph from a folder");
  });
}

export function download(file, name, note = "") {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(file), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  say(`Saved ${name}${note}`);
}

function pictureOf(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0];
}
