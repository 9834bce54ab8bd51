// The pictures of a case: fetched and shown only while a button or the space key is held. The server logs each view.

let held = null;

export const isHeld = () => held !== null;

// Prepares the buttons of the case that is shown now.
export const prepareReveal = () => {
  const form = document.getElementById("reveal");
  if (!form || form.dataset.prepared) return;
  form.dataset.prepared = "true";
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const button of form.querySelectorAll("button")) {
    button.textContent = button.dataset.hold;
    button.addEventListener("pointerdown", () => showPicture(button));
    for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(end, hidePicture);
  }
};

const showPicture = async (button) => {
  if (held) return;
  const { form } = button;
  const press = { form, image: form.querySelector("canvas"), view: "" };
  held = press;
  const counter = document.getElementById("reveal-count");
  const response = await fetch(form.action, { method: "POST", headers: { Accept: "image/webp" }, body: new URLSearchParams({ file: button.value }) });
  if (!response.ok) {
    // The budget of pictures is used up: the page says so.
    if (response.status === 403) location.reload();
    counter.textContent = form.dataset.none;
    return;
  }
  press.view = response.headers.get("x-safelight-view") ?? "";
  counter.textContent = `${Number.parseInt(counter.textContent || 0) + 1} ×`;
  const sheet = await createImageBitmap(await response.blob());
  if (held !== press) return endView(press);
  press.image.width = sheet.width;
  press.image.height = sheet.height;
  press.image.getContext("2d").drawImage(sheet, 0, 0);
  press.image.hidden = false;
};

const endView = (press) => {
  if (press.view) fetch(press.form.action.replace(/reveal$/, "hide"), { method: "POST", keepalive: true, body: new URLSearchParams({ view: press.view }) });
  press.view = "";
};

export const hidePicture = () => {
  if (!held) return;
  const press = held;
  held = null;
  press.image.hidden = true;
  press.image.width = 0;
  endView(press);
};

addEventListener("blur", hidePicture);
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || event.target.matches("textarea, input[type=text], summary, button:not(#reveal button)")) return;
  // The button with the focus, or else the first one.
  const button = event.target.closest("#reveal button") ?? document.querySelector("#reveal button");
  if (!button || (event.repeat && !held)) return;
  event.preventDefault();
  showPicture(button);
});
document.addEventListener("keyup", (event) => event.key === " " && hidePicture());
