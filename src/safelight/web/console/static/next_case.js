// The case after the one that is open. The server reserves it, and its text is prefetched, never its pictures.
import { ask } from "./fragment.js";

let upcoming = null;

// The parts of a fetched page that change from case to case.
export const readPage = async (response) => {
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  return { url: new URL(response.url), ok: response.ok, title: page.title, main: page.getElementById("main"), nav: page.querySelector(".top nav") };
};

export const isPrefetched = () => upcoming !== null;

// Reserves and fetches the case after that of `form`.
export const prefetchNext = async (form) => {
  const response = await ask(form.dataset.next, { method: "POST" }).catch(() => null);
  const page = response?.ok && response.status !== 204 ? await readPage(response) : null;
  if (page?.main?.querySelector(".case-layout") && form.isConnected && !upcoming) upcoming = page;
};

// The prefetched case, which then is not prefetched any more; null if there is none.
export const takePrefetched = () => {
  const page = upcoming;
  upcoming = null;
  return page;
};

// Keeps a prefetched case that was shown for a moment, because the one before it came back.
export const putBack = (page) => (upcoming = page);

// Gives the reserved case back to the queue.
export const cancelPrefetch = () => {
  if (upcoming) fetch(`${upcoming.url.pathname}/release`, { method: "POST", keepalive: true });
  upcoming = null;
};

addEventListener("pagehide", cancelPrefetch);
