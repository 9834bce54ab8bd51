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
  const open = outcome.querySelector(".more")?.open;
  const focused = outcome.contains(document.activeElement) && document.activeElement.tagName;
  outcome.innerHTML = html;
  const card = outcome.firstElementChild;
  document.getElementById("status").textContent = card?.querySelector("h2")?.textContent ?? "";
  if (open && card?.querySelector(".more")) card.querySelector(".more").open = true;
  if (focused) outcome.querySelector(focused === "SUMMARY" ? "summary" : "a, summary")?.focus();
  return card;
};

const refreshRecent = async () => {
  const list = document.getElementById("recent");
  if (!list) return;
  const page = new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html");
  list.replaceChildren(...(page.getElementById("recent")?.childNodes ?? []));
};

const follow = () => {
  source?.close();
  source = null;
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
    latest = latest.then(() => part(`/videos/${video}`)).then(show).then(refreshRecent).catch(() => location.reload());
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
      refreshRecent();
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
