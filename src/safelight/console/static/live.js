// A video's way, as it moves. Without this the page still shows it, looked at again every few seconds.

const outcome = document.getElementById("outcome");
let source = null;

export const part = async (url, options = {}) => {
  const answer = await fetch(url, { ...options, headers: { Accept: "text/x-part" } });
  if (answer.redirected && new URL(answer.url).pathname === "/login") location.assign("/login");
  return answer.text();
};

export const show = (html) => {
  const open = outcome.querySelector(".more")?.open;
  const focused = outcome.contains(document.activeElement) && document.activeElement.tagName;
  outcome.innerHTML = html;
  const card = outcome.firstElementChild;
  document.getElementById("status").textContent = card?.querySelector("h2")?.textContent ?? "";
  if (open && card?.querySelector(".more")) card.querySelector(".more").open = true;
  if (focused) outcome.querySelector(focused === "SUMMARY" ? "summary" : "a, summary")?.focus();
};

export const stop = () => source?.close();

export const follow = (moved) => {
  stop();
  const card = outcome?.querySelector("[data-live]");
  if (!card) return;
  const { video, position } = card.dataset;
  let seen = Number(position);
  let state = card.dataset.state;
  let latest = Promise.resolve();
  source = new EventSource(`/v1/videos/${video}/events`);
  source.addEventListener("video", (event) => {
    const now = JSON.parse(event.data);
    if (Number(event.lastEventId) <= seen) return;
    seen = Number(event.lastEventId);
    if (now.status === "completed" || now.status === "failed") stop();
    if (now.safelight.state === state) {
      const bar = outcome.querySelector("progress");
      if (bar) {
        bar.value = now.progress;
        bar.nextElementSibling.textContent = bar.nextElementSibling.textContent.replace(/\d+/, now.progress);
      }
      return;
    }
    state = now.safelight.state;
    latest = latest.then(() => part(`/videos/${video}`)).then(show).then(moved).catch(() => location.reload());
  });
};

// On its own page the record around it changes too, once it has ended.
if (!document.getElementById("order")) follow(() => outcome.querySelector("[data-live]") || location.reload());
