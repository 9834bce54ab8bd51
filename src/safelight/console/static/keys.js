// One map of keys for every page, the sheet that shows it, and the command palette. In text fields keys type.

const typing = (target) => target.matches?.("input, textarea, select, [contenteditable]") && !target.matches("[type=radio], [type=checkbox]");
const rows = () => [...document.querySelectorAll("[data-row]")];

const sheet = (template) => {
  const known = document.querySelector(`dialog[data-of="${template}"]`);
  if (known) return known;
  const dialog = document.getElementById(template).content.firstElementChild.cloneNode(true);
  dialog.dataset.of = template;
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  return dialog;
};

export const help = () => sheet("keys-help").showModal();

const commands = () => [
  ...[...document.querySelectorAll(".top nav a, .acts a, .tabs a, footer a, .top-end a")].map((link) => ({ name: link.textContent.trim(), run: () => link.click() })),
  ...[...document.querySelectorAll(".top-end button, main form button:not([type=button])")].map((button) => ({ name: (button.getAttribute("aria-label") ?? button.textContent).trim(), run: () => button.click() })),
  { name: document.getElementById("keys-open").textContent.trim(), run: help },
].filter((one) => one.name);

export const palette = () => {
  const dialog = sheet("palette");
  const field = dialog.querySelector("input");
  const list = dialog.querySelector("ul");
  const all = commands();
  let at = 0;
  const show = () => {
    const sought = field.value.toLowerCase();
    const found = all.filter((one) => one.name.toLowerCase().includes(sought)).slice(0, 12);
    at = Math.max(0, Math.min(at, found.length - 1));
    list.replaceChildren(...found.map((one, index) => {
      const item = document.createElement("li");
      item.role = "option";
      item.id = `command-${index}`;
      item.textContent = one.name;
      item.setAttribute("aria-selected", index === at);
      item.addEventListener("click", () => { dialog.close(); one.run(); });
      return item;
    }));
    field.setAttribute("aria-activedescendant", found.length ? `command-${at}` : "");
    return found;
  };
  field.value = "";
  field.oninput = () => { at = 0; show(); };
  field.onkeydown = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      at += event.key === "ArrowDown" ? 1 : -1;
      show();
    } else if (event.key === "Enter") {
      event.preventDefault();
      const chosen = show()[at];
      dialog.close();
      chosen?.run();
    }
  };
  show();
  dialog.showModal();
  field.focus();
};

const move = (by) => {
  const all = rows();
  const at = all.indexOf(document.activeElement.closest?.("[data-row]"));
  const here = at < 0 ? all.findIndex((row) => row.hasAttribute("aria-current")) : at;
  all[Math.max(0, Math.min(all.length - 1, here + by))]?.focus();
};

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    palette();
  } else if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target.form) {
    event.preventDefault();
    event.target.form.requestSubmit();
  } else if (event.key === "Escape" && typing(event.target) && !event.target.closest("dialog")) {
    event.target.blur();
  } else if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) {
    return;
  } else if (event.key === "?") {
    help();
  } else if (event.key === "/") {
    const field = document.querySelector("[data-search], #prompt, main textarea, main input:not([type=hidden])");
    if (field) { event.preventDefault(); field.focus(); }
  } else if (event.key === "j" || event.key === "k") {
    move(event.key === "j" ? 1 : -1);
  }
});

const open = document.getElementById("keys-open");
open.hidden = false;
open.addEventListener("click", help);
for (const choice of document.querySelectorAll(".sift select")) choice.addEventListener("change", () => choice.form.submit());
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.querySelector(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
