// Keeps the grid of videos up to date: often while a video is in progress, else once a minute.
import { ask } from "./fragment.js";

const grid = document.getElementById("grid");
const SOON_MS = 2500;
const LATER_MS = 60000;
let timer = 0;

const schedule = () => {
  clearTimeout(timer);
  timer = setTimeout(refreshGrid, grid.querySelector("[data-live]") ? SOON_MS : LATER_MS);
};

// Cards that have not changed stay in the page, so that their pictures and the focus stay too.
export const refreshGrid = async () => {
  if (!document.hidden) {
    // With this header the request is no use of the session, which an unattended page must not keep open.
    const response = await ask(grid.dataset.source, { headers: { Accept: "text/x-fragment", "Safelight-Background": "yes" } }).catch(() => null);
    if (response?.ok) {
      const fresh = document.createElement("template");
      fresh.innerHTML = await response.text();
      const cards = fresh.content.querySelectorAll("li");
      if (cards.length && !grid.querySelector("ul")) grid.replaceChildren(fresh.content.cloneNode(true));
      else if (cards.length) {
        const focused = document.activeElement.closest?.("[data-row]")?.getAttribute("href");
        grid.querySelector("ul").replaceChildren(...[...cards].map((card) => {
          const old = document.getElementById(card.id);
          return old?.outerHTML === card.outerHTML ? old : card;
        }));
        if (focused) grid.querySelector(`[href="${focused}"]`)?.focus();
      }
    }
  }
  schedule();
};

document.addEventListener("visibilitychange", () => document.hidden || refreshGrid());
schedule();
