// The policy editor: line numbers, marks on invalid lines, and a check while the user types.
import { fetchFragment } from "./fragment.js";

const form = document.getElementById("policy");
const field = form.elements.document;
const gutter = form.querySelector(".gutter");
const findings = document.getElementById("findings");
const WAIT_MS = 600;
let timer = 0;
let controller = null;

const invalidLines = () => new Set((findings.querySelector("[data-lines]")?.dataset.lines || "").split(",").filter(Boolean).map(Number));

const numberLines = () => {
  const invalid = invalidLines();
  const count = field.value.split("\n").length;
  gutter.replaceChildren(...Array.from({ length: count }, (_, index) => {
    const line = document.createElement("span");
    line.textContent = `${index + 1}\n`;
    if (invalid.has(index + 1)) line.className = "invalid";
    return line;
  }));
  gutter.scrollTop = field.scrollTop;
  field.toggleAttribute("aria-invalid", invalid.size > 0);
};

const submit = async (action) => {
  controller?.abort();
  controller = new AbortController();
  const body = new URLSearchParams({ document: field.value, action });
  findings.setAttribute("aria-busy", "true");
  try {
    findings.innerHTML = await fetchFragment("/policy", { method: "POST", body, signal: controller.signal });
    numberLines();
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  } finally {
    findings.setAttribute("aria-busy", "false");
  }
};

form.addEventListener("submit", (event) => {
  const action = event.submitter?.value ?? "check";
  // The second step of publishing is a plain form submission.
  if (action === "publish" && form.elements.confirm) return;
  event.preventDefault();
  clearTimeout(timer);
  submit(action);
});
field.addEventListener("input", () => {
  numberLines();
  clearTimeout(timer);
  timer = setTimeout(() => submit("check"), WAIT_MS);
});
// The draft was discarded.
form.addEventListener("reset", () => setTimeout(() => field.dispatchEvent(new Event("input"))));
field.addEventListener("scroll", () => { gutter.scrollTop = field.scrollTop; });
findings.addEventListener("click", (event) => {
  const line = Number(event.target.closest("[data-line]")?.dataset.line);
  if (!line) return;
  const lines = field.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  field.focus();
  field.setSelectionRange(start, start + lines[line - 1].length);
});
form.classList.add("scripted");
numberLines();
