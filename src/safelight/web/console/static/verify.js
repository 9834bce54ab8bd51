// Verifies a file dropped anywhere on the page, without leaving it.
import { discardDraft } from "./drafts.js";
import { fetchFragment } from "./fragment.js";

const form = document.getElementById("verify");
const field = form.elements.file;
// Only people who are signed in have this field: an id tells others nothing.
const id = form.elements.video_id;
const result = document.getElementById("result");
const button = form.querySelector("button");
const zone = form.querySelector(".drop");
const idle = button.textContent;
let dragDepth = 0;

const verify = async () => {
  if ((!field.files.length && !id?.value.trim()) || button.disabled) return;
  button.disabled = true;
  button.textContent = form.dataset.busy;
  try {
    result.innerHTML = await fetchFragment("/verify", { method: "POST", body: new FormData(form) });
    discardDraft(form);
    document.getElementById("status").textContent = result.querySelector(".verdict")?.textContent ?? "";
    result.scrollIntoView({ block: "nearest" });
  } catch {
    result.textContent = form.dataset.failed;
  } finally {
    button.disabled = false;
    button.textContent = idle;
  }
};

form.addEventListener("submit", (event) => { event.preventDefault(); verify(); });
field.addEventListener("change", verify);
addEventListener("dragenter", (event) => { event.preventDefault(); dragDepth += 1; zone.classList.add("dragging"); });
addEventListener("dragleave", () => { dragDepth -= 1; if (dragDepth <= 0) zone.classList.remove("dragging"); });
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  dragDepth = 0;
  zone.classList.remove("dragging");
  if (!event.dataTransfer.files.length) return;
  field.files = event.dataTransfer.files;
  verify();
});
