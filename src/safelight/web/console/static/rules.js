// The rule of a decision: by the keys 1 to 9, none by 0, or any rule by the key G and a few letters, with the sentence that it fills in (F).

// The rule that letters name: the first with that id, else whose id begins so, else that has them in id or reason.
const findRule = (form, letters) => {
  const wanted = letters.trim().toLowerCase();
  const all = wanted ? [...form.querySelectorAll("#rules option")] : [];
  const named = (name) => (option) => name(option.value.toLowerCase(), option.label.toLowerCase());
  return all.find(named((id) => id === wanted)) ?? all.find(named((id) => id.startsWith(wanted))) ?? all.find(named((_, label) => label.includes(wanted)));
};

// Without facts of its own, a rule is explained by its reason, which the label has after the id.
const sentenceOf = (option) => (option ? `${option.dataset.facts ?? option.label.slice(`${option.value}: `.length)} ` : "");
// The sentence of the chosen rule, unless the reviewer has written another one.
const suggestFacts = (form, option) => {
  const { facts } = form.elements, suggested = form.querySelector("[name^=sugg]");
  if (!facts || (facts.value.trim() && facts.value !== suggested.value)) return;
  facts.value = suggested.value = sentenceOf(option);
  // For the draft.
  facts.dispatchEvent(new Event("input", { bubbles: true }));
};
const showRule = (form, option) => (form.querySelector("#rule-text").textContent = option?.label ?? "");

document.addEventListener("input", ({ target }) => target.id === "other-clause" && showRule(target.form, findRule(target.form, target.value)));
// The last choice counts.
document.addEventListener("change", ({ target }) => {
  const { form } = target;
  if (!target.matches("[name=clause], #other-clause")) return;
  const option = findRule(form, target.value);
  if (target.name === "clause") {
    form.elements.other_clause.value = "";
    showRule(form, null);
  } else if (target.value.trim()) {
    target.value = option?.value ?? target.value;
    for (const chosen of form.querySelectorAll("[name=clause]:checked")) chosen.checked = false;
  }
  suggestFacts(form, option);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter" && event.target.id === "other-clause") {
    // Otherwise the first button of the form would decide.
    event.preventDefault();
    return event.target.blur();
  }
  if (event.target.matches("textarea, select, input:not([type=radio], [type=checkbox])") || document.querySelector("dialog:modal")) return;
  const field = document.querySelector(`:is([name=clause], #other-clause, #facts)[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (!field) return;
  event.preventDefault();
  field.focus();
  if (field.type === "radio") field.click();
  else field.setSelectionRange(field.id === "facts" ? field.value.length : 0, field.value.length);
});

// A draft has the sentence, and not that it is the one of its rule.
const form = document.getElementById("decide");
const { clause, other_clause: other, facts } = form?.elements ?? {};
if (facts?.value && facts.value === sentenceOf(findRule(form, clause?.value || other.value))) form.querySelector("[name^=sugg]").value = facts.value;
