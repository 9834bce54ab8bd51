// Shows the details of a cell without leaving the page; the address names the cell. Tries points of rules.
import { fetchFragment } from "./fragment.js";

const map = document.querySelector(".coverage-map");
const detail = document.getElementById("detail");

map.addEventListener("click", async (event) => {
  const cell = event.target.closest("a");
  if (!cell || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  detail.innerHTML = await fetchFragment(cell.href);
  addSliders();
  map.querySelector("[aria-current]")?.removeAttribute("aria-current");
  cell.setAttribute("aria-current", "true");
  history.replaceState(null, "", cell.href.replace("#detail", ""));
  detail.scrollIntoView({ block: "nearest" });
});

// The slider of a point: it shows the counts while it moves. Without a script the number is sent with the button.
const WAIT_MS = 300;
let timer = 0;
let controller = null;

const addSliders = () => {
  for (const slider of detail.querySelectorAll("[data-point] [type=range]")) slider.hidden = false;
};

const tryPoint = async (form) => {
  if (!form.reportValidity()) return;
  controller?.abort();
  controller = new AbortController();
  const tried = document.getElementById("tried");
  tried.setAttribute("aria-busy", "true");
  try {
    tried.innerHTML = await fetchFragment(`/coverage?${new URLSearchParams(new FormData(form))}`, { signal: controller.signal });
    tried.setAttribute("aria-busy", "false");
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
};

detail.addEventListener("input", (event) => {
  const form = event.target.closest("[data-point]");
  if (!form) return;
  const [number, slider] = [form.elements.score, form.querySelector("[type=range]")];
  if (event.target === slider) number.value = slider.value;
  else slider.value = number.value;
  clearTimeout(timer);
  timer = setTimeout(() => tryPoint(form), WAIT_MS);
});
detail.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-point]")) return;
  event.preventDefault();
  clearTimeout(timer);
  tryPoint(event.target);
});
addSliders();
