// A review case: decisions by key, the next case in place, and the lease. Without this script, each decision loads a page.

import { discardDraft } from "./drafts.js";
import { ask } from "./fragment.js";
import { cancelPrefetch, isPrefetched, prefetchNext, putBack, readPage, takePrefetched } from "./next_case.js";
import { hidePicture, isHeld, prepareReveal } from "./reveal.js";
import "./rules.js";
import { isPlaying, prepareSound, stopSound } from "./sound.js";
import { followUndo } from "./undo.js";

// A decision key that comes sooner after a new case was meant for the case before.
const MIN_READING_MS = 300;
// Nobody sits here after this time without input.
const MAX_IDLE_MS = 300000;

const status = document.getElementById("status");
let shownAt = -Infinity;
let path = location.pathname;
// The decision that the server has not answered yet.
let sending = null;

const currentForm = () => document.getElementById("decide");

const showMessage = (form, text) => {
  const missing = form.querySelector("#reason-missing");
  missing.hidden = !text;
  if (text) missing.lastElementChild.textContent = text;
  return missing;
};
const showReply = (form) => {
  const chosen = form.querySelector(`#replies [value="${CSS.escape(form.elements.reply.value.trim())}"]`)?.dataset;
  const text = form.querySelector("#reply-text");
  text.textContent = chosen?.text ?? "";
  text.lang = chosen?.lang ?? "";
};
const showMissing = (form, text) => {
  showMessage(form, text);
  form.elements.reason.setAttribute("aria-invalid", String(Boolean(text)));
};

// `keep`: a method of the history.
const showPage = (page, keep, url = page.url) => {
  hidePicture();
  stopSound();
  document.getElementById("main").replaceWith(page.main);
  replacePart(".top nav", page.nav);
  document.title = page.title;
  history[keep](null, "", url);
  path = url.pathname;
  // The forms of language and theme come back to this case.
  for (const field of document.querySelectorAll("header [name=back]")) field.value = path;
  shownAt = performance.now();
  scrollTo(0, 0);
  const heading = page.main.querySelector("h1");
  heading.tabIndex = -1;
  heading.focus();
  prepareReveal();
  prepareSound();
  followUndo();
};

const replacePart = (selector, fresh) => {
  const part = document.querySelector(selector);
  if (fresh && part && !part.contains(document.activeElement)) part.replaceWith(fresh);
};

// The decided case, from the list beside the next one, which was fetched before.
const leaveOutOfQueue = (main, decided) => {
  for (const row of main.querySelectorAll(".queue-side [data-row]")) if (row.pathname === decided) row.closest("li").remove();
};

// In the place of the answer of the server, so that nothing moves later.
const showSending = (main, text) => {
  main.querySelector("#last-decision")?.remove();
  const notice = document.createElement("div");
  notice.id = "last-decision";
  notice.className = "notice";
  const line = document.createElement("p");
  line.className = "hint";
  line.textContent = text;
  notice.append(line);
  main.prepend(notice);
};

const send = async (form, button) => {
  const before = { main: document.getElementById("main"), nav: null, title: document.title };
  const url = new URL(location.href);
  const address = button.getAttribute("formaction") ?? form.getAttribute("action");
  const body = new URLSearchParams(new FormData(form));
  if (button.name) body.set(button.name, button.value);
  const next = takePrefetched();
  if (next) {
    leaveOutOfQueue(next.main, url.pathname);
    showSending(next.main, form.dataset.sending);
    showPage(next, "pushState");
  } else {
    form.dataset.sent = "true";
    form.ariaBusy = "true";
  }
  const restore = (text) => {
    delete form.dataset.sent;
    form.ariaBusy = null;
    if (next) showPage(before, "replaceState", url);
    putBack(next);
    showMessage(form, text);
    button.focus();
  };
  const request = fetch(address, { method: "POST", body, keepalive: true, headers: { Accept: "text/html" } });
  const page = await request.then(readPage).catch(() => null);
  const isCase = page?.main?.querySelector(".case-layout");
  if (!page || (!page.ok && !isCase)) {
    // No answer, or an error page: the session or the role ended, for example.
    const lines = page?.main?.querySelectorAll("h1, h1 + p, .lead + p") ?? [];
    restore([...lines].map((line) => line.textContent.trim()).join(" ") || form.dataset.offline);
  } else if (!page.ok) {
    showPage(page, "replaceState", url);
    putBack(next);
  } else if (!isCase) {
    if (page.url.pathname !== "/login") discardDraft(form);
    delete form.dataset.lease;
    location.assign(page.url);
  } else {
    discardDraft(form);
    if (next?.url.pathname === page.url.pathname) refresh(next.main, page);
    else showPage(page, next ? "replaceState" : "pushState");
    status.textContent = [page.main.querySelector("#last-decision p")?.textContent.trim(), page.title].filter(Boolean).join(" ");
  }
};

// The answer of the server is newer than the prefetched page. What the reviewer did there meanwhile stays.
const refresh = (main, page) => {
  history.replaceState(null, "", page.url);
  replacePart(".top nav", page.nav);
  replacePart(".queue-side", page.main.querySelector(".queue-side"));
  if (!isHeld() && !isPlaying()) replacePart("#pictures", page.main.querySelector("#pictures"));
  prepareReveal();
  prepareSound();
  const notice = page.main.querySelector("#last-decision")?.cloneNode(true);
  if (notice) main.querySelector("#last-decision").replaceWith(notice);
  else main.querySelector("#last-decision").remove();
  followUndo();
};

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form !== currentForm()) return;
  event.preventDefault();
  const { reason, facts, other_clause: other } = form.elements;
  const button = event.submitter;
  // Ctrl Enter names no decision.
  if (!button) return form.querySelector("[data-decides]").focus();
  // A rule is enough for a decision, and declining needs nothing, but not for a skip or an escalation.
  const named = form.querySelector("[name=clause]:checked") || other?.value.trim() || facts?.value.trim();
  const decides = "decides" in button.dataset;
  if (!("always" in button.dataset) && !reason.value.trim() && !(decides && named)) {
    showMissing(form, decides ? form.dataset.missing : form.dataset.unwritten);
    return reason.focus();
  }
  // The case before may come back, and then this one is not decided.
  await sending;
  if (!form.isConnected || form.dataset.sent) return;
  sending = send(form, button).finally(() => (sending = null));
  await sending;
  await keepLease();
});

document.addEventListener("keydown", (event) => {
  const form = currentForm();
  if (!form || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, input[type=text], input[type=number]") || document.querySelector("dialog:modal")) return;
  const target = form.querySelector(`:is(button, #reply)[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!target) return;
  event.preventDefault();
  if (target.id === "reply") target.focus();
  else if (!event.repeat && performance.now() - shownAt > MIN_READING_MS) form.requestSubmit(target);
});
document.addEventListener("change", ({ target }) => {
  if (target.matches("#decide :is([name=clause], [name=other_clause])")) showMissing(target.form, "");
});
document.addEventListener("input", ({ target }) => {
  if (target.id === "reply") showReply(target.form);
  if (target.id === "reason" && target.value.trim()) showMissing(target.form, "");
});

let lastInput = Date.now();
for (const input of ["pointermove", "pointerdown", "keydown", "wheel"]) addEventListener(input, () => (lastInput = Date.now()), { passive: true });

// Without a sign of life the case goes back to the queue. In a break the prefetched case does so at once.
const keepLease = async () => {
  const form = currentForm();
  if (!form?.dataset.lease || sending) return;
  if (document.visibilityState !== "visible" || Date.now() - lastInput > MAX_IDLE_MS) return cancelPrefetch();
  const response = await ask(form.dataset.lease, { method: "POST" }).catch(() => null);
  if (form !== currentForm() || sending) return;
  if (response?.status === 409) {
    cancelPrefetch();
    showMessage(form, form.dataset.lost);
    delete form.dataset.lease;
  } else if (response?.ok && !isPrefetched()) {
    await prefetchNext(form);
  }
};
if (currentForm()) setInterval(keepLease, Number(currentForm().dataset.heartbeat));
addEventListener("popstate", () => location.pathname !== path && location.reload());
addEventListener("pageshow", (event) => event.persisted && keepLease());

prepareReveal();
prepareSound();
keepLease();
