// Keyboard shortcuts of every page, the dialog that lists them, and the command palette. Shortcuts are off in text fields.

const isTextField = (target) => target.matches?.("input, textarea, select, [contenteditable]") && !target.matches("[type=radio], [type=checkbox]");
const rows = () => [...document.querySelectorAll("[data-row]")];

const openDialog = (template) => {
  const existing = document.querySelector(`dialog[data-template="${template}"]`);
  if (existing) return existing;
  const dialog = document.getElementById(template).content.firstElementChild.cloneNode(true);
  dialog.dataset.template = template;
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  return dialog;
};

export const showHelp = () => openDialog("keys-help").showModal();

const commands = () => [
  ...[...document.querySelectorAll(".top nav a, .acts a, .tabs a, footer a, .top-end a")].map((link) => ({ name: link.textContent.trim(), run: () => link.click() })),
  ...[...document.querySelectorAll(".top-end button, main form button:not([type=button])")].map((button) => ({ name: (button.getAttribute("aria-label") ?? button.textContent).trim(), run: () => button.click() })),
  { name: document.getElementById("keys-open").textContent.trim(), run: showHelp },
].filter((command) => command.name);

export const openPalette = () => {
  const dialog = openDialog("palette");
  const field = dialog.querySelector("input");
  const list = dialog.querySelector("ul");
  const all = commands();
  let selected = 0;
  const showMatches = () => {
    const search = field.value.toLowerCase();
    const found = all.filter((command) => command.name.toLowerCase().includes(search)).slice(0, 12);
    selected = Math.max(0, Math.min(selected, found.length - 1));
    list.replaceChildren(...found.map((command, index) => {
      const item = document.createElement("li");
      item.role = "option";
      item.id = `command-${index}`;
      item.textContent = command.name;
      item.setAttribute("aria-selected", index === selected);
      item.addEventListener("click", () => { dialog.close(); command.run(); });
      return item;
    }));
    field.setAttribute("aria-activedescendant", found.length ? `command-${selected}` : "");
    return found;
  };
  field.value = "";
  field.oninput = () => { selected = 0; showMatches(); };
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

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
  } else if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target.form) {
    event.preventDefault();
    event.target.form.requestSubmit();
  } else if (event.key === "Escape" && isTextField(event.target) && !event.target.closest("dialog")) {
    event.target.blur();
  } else if (event.ctrlKey || event.metaKey || event.altKey || isTextField(event.target) || document.querySelector("dialog[open]")) {
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
