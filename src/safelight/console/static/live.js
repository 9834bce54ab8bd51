// Updates the progress of a video. Without this script the page reloads every few seconds.

const outcome = document.getElementById("outcome");
let source = null;

export const fetchFragment = async (url, options = {}) => {
  const response = await fetch(url, { ...options, headers: { Accept: "text/x-fragment" } });
  if (response.redirected && new URL(response.url).pathname === "/login") location.assign("/login");
  return response.text();
};

export const showOutcome = (html) => {
  const open = outcome.querySelector(".more")?.open;
  const focused = outcome.contains(document.activeElement) && document.activeElement.tagName;
  outcome.innerHTML = html;
  const card = outcome.firstElementChild;
  document.getElementById("status").textContent = card?.querySelector("h2")?.textContent ?? "";
  if (open && card?.querySelector(".more")) card.querySelector(".more").open = true;
  if (focused) outcome.querySelector(focused === "SUMMARY" ? "summary" : "a, summary")?.focus();
};

export const stopUpdates = () => source?.close();

export const followVideo = (onChange) => {
  stopUpdates();
  const card = outcome?.querySelector("[data-live]");
  if (!card) return;
  const { video, position } = card.dataset;
  let lastPosition = Number(position);
  let state = card.dataset.state;
  let pending = Promise.resolve();
  source = new EventSource(`/v1/videos/${video}/events`);
  source.addEventListener("video", (event) => {
    const update = JSON.parse(event.data);
    if (Number(event.lastEventId) <= lastPosition) return;
    lastPosition = Number(event.lastEventId);
    if (update.status === "completed" || update.status === "failed") stopUpdates();
    if (update.safelight.state === state) {
      const bar = outcome.querySelector("progress");
      if (bar) {
        bar.value = update.progress;
        bar.nextElementSibling.textContent = bar.nextElementSibling.textContent.replace(/\d+/, update.progress);
      }
      return;
    }
    state = update.safelight.state;
    pending = pending.then(() => fetchFragment(`/videos/${video}`)).then(showOutcome).then(onChange).catch(() => location.reload());
  });
};

// On the page of the video, reload at the end: the record around it has changed too.
if (!document.getElementById("request")) followVideo(() => outcome.querySelector("[data-live]") || location.reload());
