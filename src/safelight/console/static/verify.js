// Drop a file anywhere on the page; the answer comes in place.

const form = document.getElementById("verify");
const field = form.elements.file;
const answer = document.getElementById("answer");
const button = form.querySelector("button");
const zone = form.querySelector(".drop");
const idle = button.textContent;
let over = 0;

const ask = async () => {
  if (!field.files.length || button.disabled) return;
  button.disabled = true;
  button.textContent = form.dataset.busy;
  try {
    const got = await fetch("/verify", { method: "POST", body: new FormData(form), headers: { Accept: "text/x-part" } });
    const body = await got.text();
    if (got.headers.get("content-type")?.includes("html")) answer.innerHTML = body;
    else answer.textContent = JSON.parse(body).error.message;
    document.getElementById("status").textContent = answer.querySelector(".verdict")?.textContent ?? "";
    answer.scrollIntoView({ block: "nearest" });
  } catch {
    answer.textContent = form.dataset.failed;
  } finally {
    button.disabled = false;
    button.textContent = idle;
  }
};

form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
field.addEventListener("change", ask);
addEventListener("dragenter", (event) => { event.preventDefault(); over += 1; zone.classList.add("over"); });
addEventListener("dragleave", () => { over -= 1; if (over <= 0) zone.classList.remove("over"); });
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  over = 0;
  zone.classList.remove("over");
  if (!event.dataTransfer.files.length) return;
  field.files = event.dataTransfer.files;
  ask();
});
