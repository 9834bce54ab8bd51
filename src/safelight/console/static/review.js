// A review case: images only while the button is held, decisions by key, the next case prefetched.

const form = document.getElementById("decide");
const reveal = document.getElementById("reveal");

if (reveal) {
  const button = reveal.querySelector("button");
  const cover = document.getElementById("image-cover");
  const image = cover.querySelector("canvas");
  const counter = document.getElementById("reveal-count");
  let held = false;
  let view = "";
  let count = 0;
  button.textContent = button.dataset.hold;
  reveal.addEventListener("submit", (event) => event.preventDefault());
  const showImage = async () => {
    if (held) return;
    held = true;
    const response = await fetch(reveal.action, { method: "POST", headers: { Accept: "image/webp" } });
    if (!response.ok) {
      // The budget of pictures is used up: the page says so.
      if (response.status === 403) location.reload();
      counter.textContent = reveal.dataset.none;
      return;
    }
    endView(); // Of a press before this one, whose picture came later.
    view = response.headers.get("x-safelight-view") ?? "";
    count += 1;
    counter.textContent = `${count} ×`;
    const sheet = await createImageBitmap(await response.blob());
    if (!held) return endView();
    image.width = sheet.width;
    image.height = sheet.height;
    image.getContext("2d").drawImage(sheet, 0, 0);
    image.hidden = false;
  };
  const endView = () => {
    if (view) fetch(reveal.action.replace(/reveal$/, "hide"), { method: "POST", keepalive: true, body: new URLSearchParams({ view }) });
    view = "";
  };
  const hideImage = () => {
    if (!held) return;
    held = false;
    image.hidden = true;
    image.width = 0;
    endView();
  };
  button.addEventListener("pointerdown", showImage);
  for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(end, hideImage);
  addEventListener("blur", hideImage);
  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || event.repeat || event.target.matches("textarea, input[type=text], summary, button:not(#reveal button)")) {
      if (event.key === " " && event.repeat && held) event.preventDefault();
      return;
    }
    event.preventDefault();
    showImage();
  });
  document.addEventListener("keyup", (event) => event.key === " " && held && hideImage());
}

if (form) {
  const { reason } = form.elements;
  const missing = document.getElementById("reason-missing");
  const showMissing = (text) => {
    missing.hidden = !text;
    if (text) missing.lastElementChild.textContent = text;
    reason.setAttribute("aria-invalid", String(Boolean(text)));
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, input[type=text]") || document.querySelector("dialog[open]")) return;
    const target = form.querySelector(`[data-key="${event.key.toLowerCase()}"]`);
    if (!target) return;
    event.preventDefault();
    if (target.matches("input")) {
      target.checked = true;
      target.focus();
    } else {
      form.requestSubmit(target);
    }
  });
  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    // A rule is enough for a decision, but not for a skip or an escalation.
    if (reason.value.trim() || (button.matches("[data-decides]") && form.querySelector("[name=clause]:checked"))) return;
    event.preventDefault();
    showMissing(button.dataset.missing);
    reason.focus();
  });
  form.addEventListener("change", () => form.querySelector("[name=clause]:checked") && showMissing(""));
  // Without a sign of life the case goes back to the queue: nobody sits here after 5 minutes without input.
  let lastInput = Date.now();
  for (const input of ["pointermove", "pointerdown", "keydown", "wheel"]) addEventListener(input, () => (lastInput = Date.now()), { passive: true });
  const keepLease = async () => {
    if (document.visibilityState !== "visible" || Date.now() - lastInput > 300000) return;
    const response = await fetch(form.dataset.lease, { method: "POST" }).catch(() => null);
    if (response?.status !== 409) return;
    clearInterval(heartbeat);
    missing.lastElementChild.textContent = form.dataset.lost;
    missing.hidden = false;
  };
  const heartbeat = setInterval(keepLease, Number(form.dataset.heartbeat));
  keepLease();
  reason.addEventListener("input", () => reason.value.trim() && showMissing(""));
}

// Prefetches the text of the next case, never its images.
const next = document.querySelector(".queue-side [data-row]:not([aria-current])");
if (next) {
  const link = document.createElement("link");
  link.rel = "prefetch";
  link.href = next.href;
  document.head.append(link);
}
