// The studio: checks the prompt while the user types, and requests a video without leaving the page.
import { discardDraft } from "./drafts.js";
import { fetchFragment } from "./fragment.js";
import { refreshGrid } from "./grid.js";
import { followVideo, showOutcome } from "./live.js";

const request = document.getElementById("request");
const field = request.elements.prompt;
const checks = document.getElementById("checks");
const outcome = document.getElementById("outcome");
const layer = request.querySelector(".highlight-layer");
const WAIT_MS = 450;

// Highlights are drawn in a layer below the text. A highlight is dropped once the text before its end has changed.
let highlights = [];
let checkedText = "";

const paint = () => {
  let same = 0;
  while (same < checkedText.length && checkedText[same] === field.value[same]) same += 1;
  const pieces = [];
  let at = 0;
  for (const highlight of highlights) {
    if (highlight.end > same || highlight.start < at) continue;
    pieces.push(field.value.slice(at, highlight.start));
    const piece = document.createElement("mark");
    piece.className = highlight.tone;
    piece.dataset.highlight = highlight.id;
    piece.textContent = field.value.slice(highlight.start, highlight.end);
    pieces.push(piece);
    at = highlight.end;
  }
  layer.replaceChildren(...pieces, field.value.slice(at), "\n");
  layer.scrollTop = field.scrollTop;
};

const emphasize = (id) => {
  for (const one of document.querySelectorAll("[data-highlight], [data-reason]")) {
    one.classList.toggle("linked", id !== undefined && (one.dataset.highlight ?? one.dataset.reason) === id);
  }
};

const emphasizeAtCaret = () => {
  const highlight = highlights.find((one) => one.start <= field.selectionStart && field.selectionStart <= one.end);
  emphasize(document.activeElement === field && highlight && layer.querySelector(`[data-highlight="${highlight.id}"]`) ? highlight.id : undefined);
};

// The server counts code points; the browser counts UTF-16 units.
const toUtf16 = (text, count) => [...text].slice(0, count).join("").length;

const showMore = () => checks.classList.toggle("has-more", checks.scrollTop + checks.clientHeight < checks.scrollHeight - 1);
checks.addEventListener("scroll", showMore);
checks.addEventListener("toggle", showMore, true);

let timer = 0;
let controller = null;
let lastChecked = field.value;
const checksOfNothing = field.value.trim() ? "" : checks.innerHTML;
const canCheck = document.getElementById("check");

const check = async () => {
  const text = field.value;
  lastChecked = text;
  controller?.abort();
  controller = new AbortController();
  if (!text.trim()) {
    checks.innerHTML = checksOfNothing;
    highlights = [];
    return paint();
  }
  checks.setAttribute("aria-busy", "true");
  try {
    const body = new FormData(request);
    body.delete("input_reference");
    const html = await fetchFragment("/check", { method: "POST", body, signal: controller.signal });
    const open = checks.querySelector(".checklist")?.open;
    checks.innerHTML = html;
    if (open !== undefined && checks.querySelector(".checklist")) checks.querySelector(".checklist").open = open;
    checkedText = text;
    highlights = [...checks.querySelectorAll("[data-reason]")].map(({ dataset }) => ({
      id: dataset.reason, tone: dataset.tone, start: toUtf16(text, dataset.start), end: toUtf16(text, dataset.end),
    })).sort((a, b) => a.start - b.start);
    paint();
  } catch (error) {
    if (error.name === "AbortError") return;
    // Not the result of another text.
    highlights = [];
    checks.textContent = request.dataset.unchecked;
    paint();
  } finally {
    checks.setAttribute("aria-busy", "false");
    showMore();
  }
};

const scheduleCheck = () => {
  clearTimeout(timer);
  if (canCheck && field.value !== lastChecked) timer = setTimeout(check, WAIT_MS);
};

field.addEventListener("input", () => { paint(); scheduleCheck(); });
field.addEventListener("scroll", () => { layer.scrollTop = field.scrollTop; });
new ResizeObserver(() => { layer.style.height = `${field.offsetHeight}px`; }).observe(field);
document.addEventListener("selectionchange", emphasizeAtCaret);
for (const [on, off] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
  checks.addEventListener(on, (event) => emphasize(event.target.closest("[data-reason], [data-highlight]")?.dataset.reason ?? event.target.closest("[data-highlight]")?.dataset.highlight));
  checks.addEventListener(off, () => emphasize());
}
const setPrompt = (text) => {
  field.value = text;
  field.focus();
  field.dispatchEvent(new Event("input", { bubbles: true }));
};
checks.addEventListener("click", ({ target }) => { if (target.dataset.use) setPrompt(target.dataset.use); });
for (const one of [request.elements.model, request.elements.provider]) one?.addEventListener("change", () => { lastChecked = ""; scheduleCheck(); });
request.classList.add("scripted");

// Only the lengths and sizes that exist for the selected model can be chosen.
const model = request.elements.model;
const cost = document.getElementById("cost");
// As `format_money` of the server: at least two decimals, and as many as the amount has.
const formatMoney = (amount) => `$${amount.toFixed(6).replace(/0{1,4}$/, "")}`;
const showCost = () => {
  const { price } = model.selectedOptions[0].dataset;
  const amount = Number(price) * Number(request.elements.seconds.value);
  cost.textContent = price === "" ? cost.dataset.unknown : amount ? cost.dataset.about.replace("%", formatMoney(amount)) : cost.dataset.free;
};
const restrict = (choices, offered, set) => {
  for (const one of choices) one.disabled = !offered.includes(one.value);
  if (!choices.some((one) => !one.disabled && (one.checked || one.selected))) set(choices.find((one) => !one.disabled));
};
const applyModel = () => {
  const { seconds, sizes } = model.selectedOptions[0].dataset;
  restrict([...request.elements.seconds.options], seconds.split(" "), (one) => { one.selected = true; });
  restrict([...request.querySelectorAll("[name=size]")], sizes.split(" "), (one) => { one.checked = true; });
  showCost();
};
model.addEventListener("change", applyModel);
request.elements.seconds.addEventListener("change", showCost);
applyModel();

const button = request.querySelector("button.main");
const idle = button.textContent;
const failure = document.getElementById("lost");
request.addEventListener("submit", async (event) => {
  // Another page, with the prompt.
  if (event.submitter?.id === "all-advice") return;
  event.preventDefault();
  if (event.submitter?.id === "check") return check();
  if (button.disabled) return;
  button.disabled = true;
  button.textContent = button.dataset.busy;
  failure.hidden = true;
  const sent = field.value;
  try {
    showOutcome(await fetchFragment("/", { method: "POST", body: new FormData(request) }));
    // Another click is another request. Without an answer, a click sends the same request again, which the server notices.
    request.elements.form_id.value += "+";
    if (outcome.querySelector("[data-live]") && field.value === sent) discardDraft(request);
    const made = outcome.querySelector("[data-video]")?.dataset.video;
    if (made) history.replaceState(null, "", `/?video=${made}`);
    followVideo(refreshGrid);
    refreshGrid();
  } catch {
    const hasFile = request.elements.input_reference?.files.length;
    failure.lastElementChild.textContent = hasFile ? request.dataset.lostWithFile : request.dataset.lost;
    failure.hidden = false;
  } finally {
    button.disabled = false;
    button.textContent = idle;
  }
});
const insertPhrase = document.getElementById("insert-phrase");
insertPhrase.hidden = false;
insertPhrase.addEventListener("click", () => setPrompt(insertPhrase.dataset.phrase));
paint();
if (field.value) { lastChecked = ""; scheduleCheck(); }
followVideo(refreshGrid);
