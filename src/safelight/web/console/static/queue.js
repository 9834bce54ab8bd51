// Keeps the counts, ages and late cases of the queue up to date while the page is visible.
import { ask } from "./fragment.js";

const EVERY_MS = 30000;
const PARTS = [".top nav", "#take-next", "#queue-counts", "#queue-cases"];
let refreshedAt = Date.now();

const replacePart = (old, fresh) => {
  // A list under the pointer stays, so that a click does not open another case.
  if (!old || !fresh || old.innerHTML === fresh.innerHTML || old.matches("#queue-cases:hover")) return;
  const focused = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const isButton = old.contains(document.activeElement) && document.activeElement.matches("button");
  old.replaceWith(fresh);
  if (focused) fresh.querySelector(`[href="${CSS.escape(focused)}"]`)?.focus();
  else if (isButton) fresh.querySelector("button")?.focus();
};

const refresh = async () => {
  if (document.hidden || Date.now() - refreshedAt < EVERY_MS) return;
  refreshedAt = Date.now();
  // With this header the request is no use of the session, which an unattended page must not keep open.
  const response = await ask(location.href, { headers: { "Safelight-Background": "yes" } }).catch(() => null);
  if (!response?.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of PARTS) replacePart(document.querySelector(part), page.querySelector(part));
};

setInterval(refresh, EVERY_MS);
document.addEventListener("visibilitychange", refresh);
