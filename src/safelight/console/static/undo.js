// Counts the seconds in which a decision can be undone, undoes it by key, and then shows whether it was carried out.

const followUndo = () => {
  const form = document.querySelector("[data-undo]");
  if (!form) return;
  const button = form.querySelector("button");
  const end = performance.now() + Number(form.dataset.undo) * 1000;
  const timer = setInterval(() => {
    const seconds = Math.max(0, Math.ceil((end - performance.now()) / 1000));
    button.firstElementChild.textContent = form.dataset.label.replace("{seconds}", seconds);
    if (seconds) return;
    clearInterval(timer);
    button.disabled = true;
    setTimeout(showResult, 1000);
  }, 250);
};

// Changes only the notice, so that a reason that is being written for the next case stays. The page of the decided case
// has no such field and is loaded again. After about a minute the page stays as it is.
const showResult = async (tries = 30) => {
  const response = await fetch(location.href, { cache: "no-store" }).catch(() => null);
  const page = response?.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
  if (!page || page.querySelector("[data-undo]")) {
    if (tries > 1) setTimeout(showResult, 2000, tries - 1);
    return;
  }
  const notice = document.getElementById("last-decision");
  const result = page.getElementById("last-decision");
  if (notice && result) notice.replaceWith(result);
  else if (document.getElementById("decide")) notice?.remove();
  else location.reload();
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, input:not([type=radio])") || document.querySelector("dialog[open]")) return;
  const button = document.querySelector("[data-undo] button:enabled");
  if (!button || !["z", "u"].includes(event.key.toLowerCase())) return;
  event.preventDefault();
  button.click();
});

followUndo();
