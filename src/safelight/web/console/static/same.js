// Decisions that were made together: a reload shows them again, and the key for Undo answers when it is too late.

const result = document.querySelector("[data-address]");
if (result) history.replaceState(null, "", result.dataset.address);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, input") || document.querySelector("dialog:modal")) return;
  const late = document.getElementById("too-late");
  if (!late || document.querySelector("[data-undo] button:enabled") || !["z", "u"].includes(event.key.toLowerCase())) return;
  event.preventDefault();
  late.hidden = false;
});
