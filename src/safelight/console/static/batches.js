// Updates the page of a batch while the server works on it. Without this script a link reloads the page.
import { fetchFragment } from "./fragment.js";

const batch = document.getElementById("batch");
const INTERVAL_MS = 2000;

const refresh = async () => {
  const html = document.hidden ? null : await fetchFragment(batch.dataset.source).catch(() => null);
  const fresh = document.createElement("template");
  fresh.innerHTML = html ?? "";
  // A page that says an error has another heading.
  const state = fresh.content.querySelector("#batch-state")?.textContent.trim();
  // The buttons below depend on the state. A reload would send a refused form again.
  if (state && state !== batch.dataset.state) return location.assign(batch.dataset.source);
  if (state && !batch.querySelector("select:focus")) {
    const focused = batch.contains(document.activeElement) && document.activeElement.id;
    const format = batch.querySelector("#format").value;
    batch.replaceChildren(fresh.content);
    batch.querySelector("#format").value = format;
    if (focused) document.getElementById(focused)?.focus();
  }
  setTimeout(refresh, INTERVAL_MS);
};

if (batch.querySelector("[data-live]")) setTimeout(refresh, INTERVAL_MS);
