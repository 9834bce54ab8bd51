// Counts the seconds in which a decision can be undone, undoes it by key, and then shows whether it was carried out.
import { ask } from "./fragment.js";

export const followUndo = () => {
  const form = document.querySelector("[data-undo]:not([data-followed])");
  if (!form) return;
  form.dataset.followed = "true";
  form.dataset.end ??= performance.now() + Number(form.dataset.undo) * 1000;
  const button = form.querySelector("button");
  const timer = setInterval(() => {
    // A later decision has replaced this one on the page, but may be refused, and then this one comes back.
    if (!form.isConnected) {
      delete form.dataset.followed;
      return clearInterval(timer);
    }
    const seconds = Math.max(0, Math.ceil((form.dataset.end - performance.now()) / 1000));
    button.firstElementChild.textContent = form.dataset.label.replace("{seconds}", seconds);
    if (seconds) return;
    clearInterval(timer);
    button.disabled = true;
    setTimeout(showResult, 1000, form);
  }, 250);
};

// Changes only the notice, so that a reason being written for the next case stays. The page of the decided case
// has no such field and is loaded again. After about a minute the page stays as it is.
const showResult = async (form, tries = 30) => {
  const response = await ask(form.dataset.result ?? location.href).catch(() => null);
  const page = response?.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
  if (!form.isConnected) return;
  if (!page || page.querySelector("[data-undo]")) {
    if (tries > 1) setTimeout(showResult, 2000, form, tries - 1);
    return;
  }
  const notice = document.getElementById("last-decision");
  const result = page.getElementById("last-decision");
  if (notice && result) notice.replaceWith(result);
  else if (document.getElementById("decide")) notice?.remove();
  else location.reload();
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, input:not([type=radio])") || document.querySelector("dialog:modal")) return;
  const button = document.querySelector("[data-undo] button:enabled");
  if (!button || !["z", "u"].includes(event.key.toLowerCase())) return;
  event.preventDefault();
  button.click();
});

followUndo();
