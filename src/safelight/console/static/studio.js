// Makes the pages live: a form that does not reload, a way that moves. Without it everything still works.

const outcome = document.getElementById("outcome");
const order = document.getElementById("order");
let source = null;

const part = async (url, options = {}) => {
  const answer = await fetch(url, { ...options, headers: { Accept: "text/x-part" } });
  if (answer.redirected && new URL(answer.url).pathname === "/login") location.assign("/login");
  return answer.text();
};

const show = (html) => {
  const open = outcome.querySelector("details")?.open;
  const focused = outcome.contains(document.activeElement) && document.activeElement.tagName;
  outcome.innerHTML = html;
  const card = outcome.firstElementChild;
  if (open && card?.querySelector("details")) card.querySelector("details").open = true;
  if (focused) outcome.querySelector(focused === "SUMMARY" ? "summary" : "a, summary")?.focus();
  return card;
};

const follow = () => {
  source?.close();
  source = null;
  const card = outcome?.querySelector("[data-live]");
  if (!card) return;
  const { video, revision } = card.dataset;
  let seen = Number(revision);
  let state = card.dataset.state;
  let latest = Promise.resolve();
  source = new EventSource(`/v1/videos/${video}/events`);
  source.addEventListener("video", (event) => {
    const now = JSON.parse(event.data);
    if (Number(event.lastEventId) <= seen) return;
    seen = Number(event.lastEventId);
    if (now.status === "completed" || now.status === "failed") source?.close();
    if (now.safelight.state === state) {
      const bar = outcome.querySelector("progress");
      if (bar) {
        bar.value = now.progress;
        bar.nextElementSibling.textContent = bar.nextElementSibling.textContent.replace(/\d+/, now.progress);
      }
      return;
    }
    state = now.safelight.state;
    latest = latest.then(() => part(`/videos/${video}`)).then(show).catch(() => location.reload());
  });
};

if (order) {
  const button = order.querySelector("button.main");
  const idle = button.textContent;
  order.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    button.textContent = button.dataset.busy;
    source?.close();
    try {
      show(await part("/", { method: "POST", body: new FormData(order) }));
      follow();
      outcome.scrollIntoView({ block: "nearest" });
    } catch {
      outcome.textContent = order.dataset.failed;
    } finally {
      button.disabled = false;
      button.textContent = idle;
    }
  });
  order.querySelector("textarea").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) order.requestSubmit();
  });
  const attempt = document.getElementById("try");
  attempt.hidden = false;
  attempt.addEventListener("click", () => {
    order.elements.prompt.value = attempt.dataset.phrase;
    order.elements.prompt.focus();
  });
}

if (outcome) follow();
