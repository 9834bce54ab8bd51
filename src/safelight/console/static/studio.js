// The studio: words looked at as they are typed, and an order that does not leave the page.
import { follow, part, show, stop } from "./live.js";

const order = document.getElementById("order");
const field = order.elements.prompt;
const checks = document.getElementById("checks");
const outcome = document.getElementById("outcome");
const under = order.querySelector(".under");
const WAIT_MS = 450;

const refreshRecent = async () => {
  const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
  document.getElementById("recent").replaceChildren(...page.getElementById("recent").childNodes);
};

// Marks lie under the text, letter for letter; what changed since they were made is no longer marked.
let marks = [];
let marked = "";

const paint = () => {
  let same = 0;
  while (same < marked.length && marked[same] === field.value[same]) same += 1;
  const pieces = [];
  let at = 0;
  for (const mark of marks) {
    if (mark.end > same || mark.start < at) continue;
    pieces.push(field.value.slice(at, mark.start));
    const piece = document.createElement("mark");
    piece.className = mark.tone;
    piece.dataset.mark = mark.id;
    piece.textContent = field.value.slice(mark.start, mark.end);
    pieces.push(piece);
    at = mark.end;
  }
  under.replaceChildren(...pieces, field.value.slice(at), "\n");
  under.scrollTop = field.scrollTop;
};

const light = (id) => {
  for (const one of document.querySelectorAll("[data-mark], [data-why]")) {
    one.classList.toggle("lit", id !== undefined && (one.dataset.mark ?? one.dataset.why) === id);
  }
};

const underCaret = () => {
  const mark = marks.find((one) => one.start <= field.selectionStart && field.selectionStart <= one.end);
  light(document.activeElement === field && mark && under.querySelector(`[data-mark="${mark.id}"]`) ? mark.id : undefined);
};

// The server counts characters, the browser halves of them.
const place = (text, count) => [...text].slice(0, count).join("").length;

let waiting = 0;
let asking = null;
let asked = field.value;
const canCheck = document.getElementById("check");

const check = async () => {
  const text = field.value;
  asked = text;
  asking?.abort();
  asking = new AbortController();
  if (!text.trim()) return;
  checks.setAttribute("aria-busy", "true");
  try {
    const body = new FormData(order);
    body.delete("input_reference");
    const html = await part("/check", { method: "POST", body, signal: asking.signal });
    const open = checks.querySelector(".ten")?.open;
    checks.innerHTML = html;
    if (open !== undefined && checks.querySelector(".ten")) checks.querySelector(".ten").open = open;
    marked = text;
    marks = [...checks.querySelectorAll("[data-why]")].map(({ dataset }) => ({
      id: dataset.why, tone: dataset.tone, start: place(text, dataset.start), end: place(text, dataset.end),
    })).sort((a, b) => a.start - b.start);
    paint();
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  } finally {
    checks.setAttribute("aria-busy", "false");
  }
};

const soon = () => {
  clearTimeout(waiting);
  if (canCheck && field.value !== asked) waiting = setTimeout(check, WAIT_MS);
};

field.addEventListener("input", () => { paint(); soon(); });
field.addEventListener("scroll", () => { under.scrollTop = field.scrollTop; });
new ResizeObserver(() => { under.style.height = `${field.offsetHeight}px`; }).observe(field);
document.addEventListener("selectionchange", underCaret);
for (const [on, off] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
  checks.addEventListener(on, (event) => light(event.target.closest("[data-why], [data-mark]")?.dataset.why ?? event.target.closest("[data-mark]")?.dataset.mark));
  checks.addEventListener(off, () => light());
}
for (const one of [order.elements.model, order.elements.for]) one?.addEventListener("change", () => { asked = ""; soon(); });
order.classList.add("alive");

const button = order.querySelector("button.main");
const idle = button.textContent;
order.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (event.submitter?.id === "check") return check();
  if (button.disabled) return;
  button.disabled = true;
  button.textContent = button.dataset.busy;
  stop();
  try {
    show(await part("/", { method: "POST", body: new FormData(order) }));
    follow(refreshRecent);
    refreshRecent();
    outcome.scrollIntoView({ block: "nearest" });
  } catch {
    outcome.textContent = order.dataset.failed;
  } finally {
    button.disabled = false;
    button.textContent = idle;
  }
});
const attempt = document.getElementById("try");
attempt.hidden = false;
attempt.addEventListener("click", () => {
  field.value = attempt.dataset.phrase;
  field.focus();
  paint();
  soon();
});
paint();
if (field.value) { asked = ""; soon(); }
follow(refreshRecent);
