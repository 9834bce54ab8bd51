// Keeps what was typed while the page is loaded again or the session ends: in this tab, for this person, until
// the form was sent.

const PREFIX = "draft ";
const FIELDS = "textarea, select, input:not([type=password], [type=file], [type=hidden], [autocomplete=one-time-code])";
const { person } = document.body.dataset;

const isKept = (form) => person && form?.method === "post" && form.closest("main") && form.querySelector("textarea");
const nameOf = (form) => `${PREFIX}${location.pathname} ${form.id || form.getAttribute("action")}`;
const fieldsOf = (form) => [...form.elements].filter((field) => field.name && field.matches(FIELDS));
const isChoice = (field) => field.matches("[type=radio], [type=checkbox]");
const read = (name) => {
  const kept = JSON.parse(sessionStorage.getItem(name));
  return kept?.person === person ? kept : null;
};

// A field that loses the focus while the page is left has changed once more.
let isLeaving = false;
addEventListener("pageshow", () => (isLeaving = false));

const keep = (form) => {
  if (isLeaving) return;
  const values = fieldsOf(form).map((field) => [field.name, field.value, isChoice(field) ? field.checked : null]);
  sessionStorage.setItem(nameOf(form), JSON.stringify({ person, values }));
};

const restore = (form, { values }) => {
  const left = [...values];
  for (const field of fieldsOf(form)) {
    const at = left.findIndex(([name, value]) => name === field.name && (!isChoice(field) || value === field.value));
    if (at < 0) continue;
    const [[, value, checked]] = left.splice(at, 1);
    if (isChoice(field)) field.checked = checked;
    else if (field.value !== value) {
      field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
};

const drafts = () => Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX));

document.addEventListener("input", ({ target }) => isKept(target.form) && keep(target.form));
document.addEventListener("change", ({ target }) => isKept(target.form) && keep(target.form));
// After all other listeners: a form that a script sends stays on the page, and so does its draft.
addEventListener("submit", (event) => {
  const form = event.target;
  isLeaving = !event.defaultPrevented;
  if (form.getAttribute("action") === "/logout") for (const name of drafts()) sessionStorage.removeItem(name);
  const kept = !event.defaultPrevented && isKept(form) && read(nameOf(form));
  if (kept) sessionStorage.setItem(nameOf(form), JSON.stringify({ ...kept, sent: true }));
});

if (location.pathname === "/login") {
  // Instead of the answer to the form came this page: the draft was not sent.
  for (const name of drafts()) {
    const { sent, ...kept } = JSON.parse(sessionStorage.getItem(name));
    if (sent) sessionStorage.setItem(name, JSON.stringify(kept));
  }
} else {
  for (const form of [...document.querySelectorAll("main form")].filter(isKept)) {
    const kept = read(nameOf(form));
    if (kept?.sent) sessionStorage.removeItem(nameOf(form));
    else if (kept) restore(form, kept);
  }
}
