// Updates the progress of a video. Without this script the page reloads every few seconds.
import { ask, fetchFragment } from "./fragment.js";

const outcome = document.getElementById("outcome");
let source = null;
const RETRY_MS = 5000;

export const showOutcome = (html) => {
  const open = outcome.querySelector(".more")?.open;
  const focused = outcome.contains(document.activeElement) && document.activeElement.tagName;
  outcome.innerHTML = html;
  const card = outcome.firstElementChild;
  const headline = card?.querySelector("h2")?.textContent ?? "";
  for (const one of document.querySelectorAll("#status, #state")) one.textContent = headline;
  if (open && card?.querySelector(".more")) card.querySelector(".more").open = true;
  if (focused) outcome.querySelector(focused === "SUMMARY" ? "summary" : "a, summary")?.focus();
};

// Counts the seconds of running steps on from what the server wrote.
const shownAt = new WeakMap();
setInterval(() => {
  for (const one of outcome.querySelectorAll("[data-elapsed]")) {
    if (!shownAt.has(one)) shownAt.set(one, performance.now());
    const seconds = Number(one.dataset.elapsed) + Math.floor((performance.now() - shownAt.get(one)) / 1000);
    one.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}, 500);

export const followVideo = (onChange) => {
  source?.close();
  source = null;
  const card = outcome?.querySelector("[data-live]");
  if (!card) return;
  const { video, position } = card.dataset;
  let lastPosition = Number(position);
  let state = card.dataset.state;
  let pending = Promise.resolve();
  const current = new EventSource(`/v1/videos/${video}/events`);
  source = current;
  const show = (html) => source === current && showOutcome(html);
  // The browser connects again after a lost connection, but not after an answer that refuses it.
  source.addEventListener("error", async () => {
    if (current.readyState !== EventSource.CLOSED) return;
    await ask(location.href).catch(() => null);
    setTimeout(() => source === current && followVideo(onChange), RETRY_MS);
  });
  source.addEventListener("video", (event) => {
    const update = JSON.parse(event.data);
    if (Number(event.lastEventId) <= lastPosition) return;
    lastPosition = Number(event.lastEventId);
    if (update.status === "completed" || update.status === "failed") current.close();
    if (update.safelight.state === state) {
      const bar = outcome.querySelector("progress");
      const percent = outcome.querySelector(".steps output");
      if (bar && update.progress) bar.value = update.progress;
      if (percent) percent.textContent = percent.textContent.replace(/\d+/, update.progress);
      return;
    }
    state = update.safelight.state;
    pending = pending.then(() => fetchFragment(`/videos/${video}`)).then(show).then(onChange).catch(() => location.reload());
  });
};

// On the page of the video, reload at the end: the record around it has changed too.
if (!document.getElementById("request")) followVideo(() => outcome.querySelector("[data-live]") || location.reload());
