// The policy's document: lines counted, those that do not hold marked, checked as it is typed.

const form = document.getElementById("policy");
const field = form.elements.document;
const gutter = form.querySelector(".gutter");
const findings = document.getElementById("findings");
const WAIT_MS = 600;
let waiting = 0;
let asking = null;

const wrong = () => new Set((findings.querySelector("[data-lines]")?.dataset.lines || "").split(",").filter(Boolean).map(Number));

const number = () => {
  const bad = wrong();
  const count = field.value.split("\n").length;
  gutter.replaceChildren(...Array.from({ length: count }, (_, index) => {
    const line = document.createElement("span");
    line.textContent = `${index + 1}\n`;
    if (bad.has(index + 1)) line.className = "bad";
    return line;
  }));
  gutter.scrollTop = field.scrollTop;
  field.toggleAttribute("aria-invalid", bad.size > 0);
};

const ask = async (what) => {
  asking?.abort();
  asking = new AbortController();
  const body = new URLSearchParams({ document: field.value, what });
  findings.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("/policy", { method: "POST", body, signal: asking.signal, headers: { Accept: "text/x-part" } });
    const text = await answer.text();
    if (answer.headers.get("content-type")?.includes("html")) findings.innerHTML = text;
    number();
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  } finally {
    findings.setAttribute("aria-busy", "false");
  }
};

form.addEventListener("submit", (event) => {
  const what = event.submitter?.value ?? "check";
  // The second step of publishing leaves the page.
  if (what === "publish" && form.elements.sure) return;
  event.preventDefault();
  clearTimeout(waiting);
  ask(what);
});
field.addEventListener("input", () => {
  number();
  clearTimeout(waiting);
  waiting = setTimeout(() => ask("check"), WAIT_MS);
});
field.addEventListener("scroll", () => { gutter.scrollTop = field.scrollTop; });
findings.addEventListener("click", (event) => {
  const line = Number(event.target.closest("[data-line]")?.dataset.line);
  if (!line) return;
  const lines = field.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  field.focus();
  field.setSelectionRange(start, start + lines[line - 1].length);
});
form.classList.add("alive");
number();
