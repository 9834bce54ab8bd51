// Keyboard shortcuts of every page, the dialog that lists them, and the command palette. Shortcuts are off in text fields.
import { ask } from "./fragment.js";

const isTextField = (target) => target.matches?.("input, textarea, select, [contenteditable]") && !target.matches("[type=radio], [type=checkbox]");
const rows = () => [...document.querySelectorAll("[data-row]")];

const openDialog = (template) => {
  const existing = document.querySelector(`dialog[data-template="${template}"]`);
  if (existing) return existing;
  const dialog = document.getElementById(template).content.firstElementChild.cloneNode(true);
  dialog.dataset.template = template;
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  // In the flow of the page, so that a dialog that is not modal covers nothing.
  document.getElementById("main").before(dialog);
  return dialog;
};

export const showHelp = () => {
  const dialog = openDialog("keys-help");
  if (dialog.open) return dialog.close();
  const before = document.activeElement;
  // The event comes later than the close: by then, a shortcut may have moved the focus.
  dialog.addEventListener("close", () => document.activeElement === document.body && before?.focus(), { once: true });
  dialog.show();
  dialog.scrollIntoView({ block: "nearest" });
};

const pages = () => [...document.querySelectorAll(".top nav > a, .more-pages a:not(.narrow-only), .acts a, .tabs a, footer a, .top-end > a")].map((link) => ({ name: link.textContent.trim(), kind: "page", run: () => link.click() }));
const actions = () => [...document.querySelectorAll("main form button:not([type=button], [hidden] *), .top-end button")].map((button) => ({ name: (button.getAttribute("aria-label") ?? button.textContent).trim(), kind: "action", run: () => button.click() }));
const templateActions = () => [...document.getElementById("palette").content.querySelectorAll("a")].map((link) => ({ name: link.textContent, kind: "action", run: () => location.assign(link.href) }));

const commands = () => [
  ...pages(),
  ...templateActions(),
  ...actions(),
  { name: document.getElementById("keys-open").textContent.trim(), kind: "action", run: showHelp },
].filter((command) => command.name);

// The videos whose prompt contains the words; none without a session.
const findVideos = async (search, signal) => {
  if (!document.body.dataset.person) return [];
  const response = await ask(`/videos?q=${encodeURIComponent(search)}`, { signal, headers: { Accept: "text/x-fragment" } });
  if (!response.ok) return [];
  const cards = new DOMParser().parseFromString(await response.text(), "text/html").querySelectorAll(".cards a");
  return [...cards].slice(0, 6).map((card) => ({
    name: card.querySelector(".prompt-start").textContent.trim(), kind: "video", run: () => location.assign(card.getAttribute("href")),
  }));
};

export const openPalette = () => {
  const dialog = openDialog("palette");
  const field = dialog.querySelector("input");
  const list = dialog.querySelector("ul");
  const all = commands();
  let videos = [];
  let selected = 0;
  let timer = 0;
  let controller = null;
  const showMatches = () => {
    const search = field.value.trim().toLowerCase();
    const found = [...all.filter((command) => command.name.toLowerCase().includes(search)).slice(0, 10), ...videos];
    selected = Math.max(0, Math.min(selected, found.length - 1));
    list.replaceChildren(...found.map((command, index) => {
      const item = document.createElement("li");
      item.role = "option";
      item.id = `command-${index}`;
      const kind = document.createElement("span");
      kind.className = "hint";
      kind.textContent = list.dataset[command.kind];
      item.append(command.name, kind);
      item.setAttribute("aria-selected", index === selected);
      item.addEventListener("click", () => { dialog.close(); command.run(); });
      return item;
    }));
    field.setAttribute("aria-activedescendant", found.length ? `command-${selected}` : "");
    return found;
  };
  const search = async () => {
    controller?.abort();
    controller = new AbortController();
    videos = field.value.trim().length > 1 ? await findVideos(field.value.trim(), controller.signal).catch(() => []) : [];
    if (dialog.open) showMatches();
  };
  field.value = "";
  field.oninput = () => {
    selected = 0;
    videos = [];
    showMatches();
    clearTimeout(timer);
    timer = setTimeout(search, 150);
  };
  field.onkeydown = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      selected += event.key === "ArrowDown" ? 1 : -1;
      showMatches();
    } else if (event.key === "Enter") {
      event.preventDefault();
      const chosen = showMatches()[selected];
      dialog.close();
      chosen?.run();
    }
  };
  showMatches();
  dialog.showModal();
  field.focus();
};

const moveFocus = (offset) => {
  const all = rows();
  const selected = all.indexOf(document.activeElement.closest?.("[data-row]"));
  const current = selected < 0 ? all.findIndex((row) => row.hasAttribute("aria-current")) : selected;
  all[Math.max(0, Math.min(all.length - 1, current + offset))]?.focus();
};

const closeMenu = () => {
  const menu = document.querySelector(".menu[open]");
  if (!menu || document.querySelector("dialog:modal")) return false;
  menu.open = false;
  menu.querySelector("summary").focus();
  return true;
};

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && closeMenu()) return;
  const help = document.querySelector("dialog[open]:not(:modal)");
  if (event.key === "Escape" && help && !isTextField(event.target)) return help.close();
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
  } else if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target.form) {
    event.preventDefault();
    event.target.form.requestSubmit();
  } else if (event.key === "Escape" && isTextField(event.target) && !event.target.closest("dialog")) {
    event.target.blur();
  } else if (event.ctrlKey || event.metaKey || event.altKey || isTextField(event.target) || document.querySelector("dialog:modal")) {
    return;
  } else if (event.key === "?") {
    showHelp();
  } else if (event.key === "/") {
    const field = document.querySelector("[data-search], #prompt, main textarea, main input:not([type=hidden])");
    if (field) { event.preventDefault(); field.focus(); }
  } else if (event.key === "j" || event.key === "k") {
    moveFocus(event.key === "j" ? 1 : -1);
  }
});

const helpButton = document.getElementById("keys-open");
helpButton.hidden = false;
helpButton.addEventListener("click", showHelp);
for (const select of document.querySelectorAll(".filter select")) select.addEventListener("change", () => select.form.submit());
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.querySelector(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
