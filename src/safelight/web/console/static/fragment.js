// Requests of scripts. A session that has ended leads to the sign-in page, which leads back to this page.

// The answer; none ever comes if the session has ended, so that nothing of it is painted.
export const ask = async (url, options = {}) => {
  const response = await fetch(url, { cache: "no-store", ...options });
  const ended = response.status === 401 || (response.redirected && new URL(response.url).pathname === "/login");
  if (!ended) return response;
  location.assign(`/login?back=${encodeURIComponent(location.pathname + location.search)}&ended=1`);
  return new Promise(() => {});
};

// The part of a page that changes.
export const fetchFragment = async (url, options = {}) => {
  const response = await ask(url, { ...options, headers: { Accept: "text/x-fragment" } });
  // A reverse proxy that got no answer from this server.
  if ([502, 504].includes(response.status)) throw new Error(`Status ${response.status}`);
  return response.text();
};
