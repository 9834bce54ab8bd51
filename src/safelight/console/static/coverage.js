// Shows the details of a cell without leaving the page; the address names the cell.
import { fetchFragment } from "./fragment.js";

const map = document.querySelector(".coverage-map");
const detail = document.getElementById("detail");

map.addEventListener("click", async (event) => {
  const cell = event.target.closest("a");
  if (!cell || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  detail.innerHTML = await fetchFragment(cell.href);
  map.querySelector("[aria-current]")?.removeAttribute("aria-current");
  cell.setAttribute("aria-current", "true");
  history.replaceState(null, "", cell.href.replace("#detail", ""));
  detail.scrollIntoView({ block: "nearest" });
});
