// Fills the hidden field with the hashes of the chosen files. The file field has no name, so no file is sent.

import { hashFile } from "./media_hashes.js";

const field = document.getElementById("files");
const hashes = document.getElementById("hashes");
const told = document.getElementById("hash-status");
const button = field.form.querySelector("button.main");

document.getElementById("hash-box").hidden = false;
// Files that are chosen again replace the earlier ones, also while those are still read.
let newest = 0;
field.addEventListener("change", async () => {
  newest += 1;
  const run = newest;
  button.disabled = true;
  hashes.value = "";
  told.textContent = told.dataset.busy;
  const found = [];
  let unread = 0;
  let left = 0;
  for (const [number, file] of [...field.files].entries()) {
    try {
      const computed = await hashFile(file, number);
      if (found.length + computed.length > Number(told.dataset.most)) left += 1;
      else found.push(...computed);
    } catch {
      unread += 1;
    }
    if (run !== newest) return;
  }
  hashes.value = found.length ? JSON.stringify(found) : "";
  told.textContent = [found.length ? told.dataset.done : "", unread ? told.dataset.unread : "", left ? told.dataset.left : ""].filter(Boolean).join(" ");
  button.disabled = false;
});
