// Fetches the part of a page that changes. An ended session leads to the sign-in page.

export const fetchFragment = async (url, options = {}) => {
  const response = await fetch(url, { cache: "no-store", ...options, headers: { Accept: "text/x-fragment" } });
  if (response.redirected && new URL(response.url).pathname === "/login") location.assign("/login");
  return response.text();
};
