// Keeps what was typed while the page is loaded again or the session ends: in this tab, for this person, until
// the form was sent.

const PREFIX = "draft ";
const FIELDS = "textarea, select, input:not([type=password], [type=file], [type=hidden], [autocomplete=one-time-code])";
const TYPED = "textarea, [type=text], [type=email], [type=url]";
const { person } = document.body.dataset;

const fieldsOf = (form) => [...form.elements].filter((field) => field.name && field.matches(FIELDS));
// The texts of the form as the server showed it.
const shownTexts = (form) => fieldsOf(form).filter((field) => field.matches(TYPED)).map((field) => field.defaultValue);
const isKept = (form) => person && form?.method === "post" && form.closest("main") && !("secret" in form.dataset) && shownTexts(form).length > 0;
// The forms of a list have the same action. Their hidden fields differ.
const nameOf = (form) => {
  const hidden = [...form.querySelectorAll("[type=hidden]:not([name=form_id])")].map(({ name, value }) => [name, value]);
  return PREFIX + JSON.stringify([form.getAttribute("action"), form.id || hidden]);
};
const isChoice = (field) => field.matches("[type=radio], [type=checkbox]");
const drafts = () => Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX));
const read = (name) => JSON.parse(sessionStorage.getItem(name));

const keep = (form, sent) => {
  const values = fieldsOf(form).map((field) => [field.name, field.value, isChoice(field) ? field.checked : null]);
  sessionStorage.setItem(nameOf(form), JSON.stringify({ person, sent, shown: shownTexts(form), basis: form.dataset.basis, values }));
};

// A script has sent the form.
export const discardDraft = (form) => sessionStorage.removeItem(nameOf(form));

// Returns whether the form showed something else.
const restore = (form, { values }) => {
  const left = [...values];
  let hasChanged = false;
  for (const field of fieldsOf(form)) {
    const at = left.findIndex(([name, value]) => name === field.name && (!isChoice(field) || value === field.value));
    if (at < 0) continue;
    const [[, value, checked]] = left.splice(at, 1);
    const before = isChoice(field) ? field.checked : field.value;
    if (isChoice(field)) field.checked = checked;
    else field.value = value;
    // The list has no such entry any more.
    if (field.selectedIndex === -1) field.value = before;
    hasChanged ||= before !== (isChoice(field) ? field.checked : field.value);
  }
  return hasChanged;
};

// The browser must not restore what was typed: the next person in this tab would see it by going back.
const hideFromBrowser = (form) => (form.autocomplete = "off");

// A field that loses the focus while the page is left has changed once more.
let isLeaving = false;
for (const kind of ["input", "change"]) {
  document.addEventListener(kind, ({ target: { form } }) => {
    if (person && form) hideFromBrowser(form);
    isLeaving &&= kind === "change";
    if (!isLeaving && isKept(form)) keep(form, false);
  });
}
// After all other listeners: a form that a script sends stays on the page, and so does its draft.
addEventListener("submit", ({ target: form, submitter, defaultPrevented }) => {
  isLeaving = !defaultPrevented;
  if (form.getAttribute("action") === "/logout") for (const name of drafts()) sessionStorage.removeItem(name);
  // A button with an address of its own does something else with the text.
  else if (isLeaving && isKept(form)) keep(form, !submitter?.hasAttribute("formaction"));
});
addEventListener("reset", ({ target: form }) => {
  if (!isKept(form)) return;
  discardDraft(form);
  for (const note of form.querySelectorAll("[data-draft]")) note.hidden = true;
});

// Whether this page can be the answer to a form that was sent, and not the sign-in, an error, or the form again.
const [arrival] = performance.getEntriesByType("navigation");
const isAnswer = location.pathname !== "/login" && arrival?.type === "navigate" && document.referrer && !(arrival.responseStatus >= 400);
for (const name of drafts()) {
  const kept = read(name);
  if ((person && kept.person !== person) || (kept.sent && isAnswer)) sessionStorage.removeItem(name);
  else if (kept.sent) sessionStorage.setItem(name, JSON.stringify({ ...kept, sent: false }));
}

if (person) for (const form of document.forms) hideFromBrowser(form);
const forms = [...document.querySelectorAll("main form")].filter(isKept);
const names = forms.map(nameOf);
for (const [index, form] of forms.entries()) {
  const kept = read(names[index]);
  // Neither in another form nor over another text, such as that of a link or what somebody else has saved since.
  const isSame = shownTexts(form).every((text, at) => !text || text === kept?.shown[at]);
  if (!kept || !isSame || names.indexOf(names[index]) !== names.lastIndexOf(names[index])) continue;
  const note = restore(form, kept) && form.querySelector("[data-draft]");
  if (!note) continue;
  note.hidden = false;
  note.querySelector("[data-outdated]").hidden = kept.basis === form.dataset.basis;
}
const note = document.getElementById("drafts-kept");
if (note) note.hidden = !drafts().length;
