// The pictures of a case: fetched when a button or the space key is pressed, and covered again when it is let go. If the
// reviewer switched the cover off, the next press covers them. The server logs each view.

import { ask } from "./fragment.js";
import { playPart, stopSound } from "./sound.js";

// The server counts no view for longer.
const MAX_VIEW_MS = 60000;

// What is shown, or being fetched.
let shown = null;
// The numbers of the frames that were shown last.
let frames = [];

export const isHeld = () => shown !== null;

const currentForm = () => document.getElementById("reveal");
const isOn = (name) => document.querySelector(`#switches [name=${name}]`)?.checked ?? true;
const chosen = () => document.querySelector("#reveal [data-next-shown]") ?? document.querySelector("#reveal button");

const choose = (button) => {
  for (const one of document.querySelectorAll("#reveal [data-next-shown]")) delete one.dataset.nextShown;
  button.dataset.nextShown = "";
};

// Prepares the buttons of the case that is shown now.
export const prepareReveal = () => {
  const form = currentForm();
  if (!form || form.dataset.prepared) return;
  form.dataset.prepared = "true";
  frames = [];
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const button of form.querySelectorAll("button")) {
    button.addEventListener("pointerdown", ({ pointerId }) => {
      // The picture can move the button away.
      button.setPointerCapture(pointerId);
      press(button);
    });
    for (const end of ["pointerup", "pointercancel"]) button.addEventListener(end, release);
    button.addEventListener("blur", () => shown?.button === button && release());
  }
  for (const moment of form.querySelectorAll("a[data-frame]")) {
    moment.addEventListener("click", (event) => {
      event.preventDefault();
      goToMoment(moment);
    });
  }
  const switches = document.getElementById("switches");
  switches.addEventListener("change", () => {
    hidePicture();
    if (!("once" in switches.dataset)) fetch(switches.action, { method: "POST", redirect: "manual", body: new URLSearchParams(new FormData(switches)) });
  });
  switches.querySelector("button")?.setAttribute("hidden", "");
};

const press = (button) => {
  if (shown?.button === button && !isOn("covered")) return hidePicture();
  if (shown && isOn("covered")) return;
  choose(button);
  showPicture(button);
};
const release = () => isOn("covered") && hidePicture();

const showPicture = async (button) => {
  hidePicture();
  const { form } = button;
  const view = { button, form, image: form.querySelector("canvas"), id: "", timer: setTimeout(() => shown === view && hidePicture(), MAX_VIEW_MS) };
  shown = view;
  const body = new URLSearchParams({ show: button.value, frame: form.elements.frame?.value ?? "0" });
  if (!isOn("grey")) body.set("colour", "yes");
  if (!isOn("small")) body.set("large", "yes");
  const counter = document.getElementById("reveal-count");
  counter.textContent = form.dataset.loading;
  const response = await ask(form.action, { method: "POST", headers: { Accept: "image/webp" }, body });
  if (!response.ok) {
    // The budget of pictures is used up: the page says so.
    if (response.status === 403) location.reload();
    counter.textContent = form.dataset.none;
    return;
  }
  view.id = response.headers.get("x-safelight-view") ?? "";
  const sheet = JSON.parse(response.headers.get("x-safelight-sheet") ?? "null");
  const picture = await createImageBitmap(await response.blob());
  if (!shown) counter.textContent = "";
  if (shown !== view) return endView(view);
  const isClip = button.value.startsWith("clip");
  if (sheet && button.value.endsWith(" 0")) frames = sheet.frames;
  counter.textContent = sheet ? form.dataset.frame.replace("{frame}", nameFrames(sheet.frames)).replace("{time}", (sheet.frames[0] / sheet.fps).toFixed(1)) : "";
  view.image.classList.toggle("colour", !isOn("grey"));
  view.image.classList.toggle("large", !isOn("small"));
  const isFilm = isClip && sheet?.frames.length > 1 && !("still" in form.dataset) && !matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (isFilm) playFilm(view, picture, sheet);
  else draw(view.image, picture, 0, 0, picture.width, picture.height);
  view.image.hidden = false;
  // It may be below the edge.
  view.image.scrollIntoView({ block: "nearest" });
};

const nameFrames = (numbers) => (numbers.length > 1 ? `${numbers[0]}–${numbers.at(-1)}` : `${numbers[0]}`);

const draw = (image, picture, x, y, width, height) => {
  if (image.width !== width || image.height !== height) Object.assign(image, { width, height });
  image.getContext("2d").drawImage(picture, x, y, width, height, 0, 0, width, height);
};

// Shows the frames of a sheet one after the other, again and again.
const playFilm = (view, picture, sheet) => {
  const width = picture.width / sheet.columns;
  const height = picture.height / Math.ceil(sheet.frames.length / sheet.columns);
  const speed = isOn("slow") ? 0.5 : 1;
  let number = 0;
  const next = () => {
    draw(view.image, picture, (number % sheet.columns) * width, Math.floor(number / sheet.columns) * height, width, height);
    number = (number + 1) % sheet.frames.length;
  };
  next();
  view.film = setInterval(next, 1000 / (sheet.per_s * speed));
  const start = sheet.frames[0] / sheet.fps;
  const times = [start, start + sheet.frames.length / sheet.per_s].map((time) => Math.round(100 * time) / 100);
  if (!isOn("muted")) playPart(["0", ...times].join(" "), speed);
};

const endView = (view) => {
  if (view.id) fetch(view.form.action.replace(/reveal$/, "hide"), { method: "POST", keepalive: true, body: new URLSearchParams({ view: view.id }) });
  view.id = "";
};

export const hidePicture = () => {
  if (!shown) return;
  const view = shown;
  shown = null;
  clearTimeout(view.timer);
  if (view.film) {
    clearInterval(view.film);
    stopSound();
  }
  view.image.hidden = true;
  view.image.width = 0;
  endView(view);
};

// Shows what was shown before at another frame; covered pictures stay covered.
const goTo = (frame) => {
  currentForm().elements.frame.value = Math.max(0, frame);
  if (shown) showPicture(shown.button);
};
const step = (direction) => {
  const isFrame = chosen().value.startsWith("frame") || frames.length < 2;
  goTo(Number(currentForm().elements.frame.value) + direction * (isFrame ? 1 : frames.at(-1) - frames[0] + frames[1] - frames[0]));
};
const goToMoment = (moment) => {
  for (const one of currentForm().querySelectorAll("[aria-current]")) one.removeAttribute("aria-current");
  moment.setAttribute("aria-current", "true");
  goTo(Number(moment.dataset.frame));
};
const nextMoment = (direction) => {
  const all = [...currentForm().querySelectorAll("a[data-frame]")];
  const at = all.findIndex((one) => one.hasAttribute("aria-current"));
  if (all.length) goToMoment(all[Math.max(0, Math.min(all.length - 1, at + direction))]);
};
const mark = (button) => {
  choose(button);
  // The space key presses the button with the focus.
  if (!(shown && isOn("covered")) && document.activeElement.closest("#reveal button")) button.focus();
  if (shown) showPicture(button);
};
const widen = () => {
  const all = [...document.querySelectorAll("#reveal button")];
  mark(all[(all.indexOf(chosen()) + 1) % all.length]);
};

// What is shown is fetched again.
const flip = (name) => {
  const view = shown;
  document.forms.switches.elements[name].click();
  if (view) showPicture(view.button);
};

const SWITCHES = { c: "grey", b: "small", m: "muted", h: "slow" };
const KEYS = { ",": () => step(-1), ".": () => step(1), "[": () => nextMoment(-1), "]": () => nextMoment(1), w: widen };

addEventListener("blur", hidePicture);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, select, input:not([type=radio])")) return;
  if (!currentForm() || document.querySelector("dialog:modal")) return;
  const act = KEYS[event.key.toLowerCase()];
  if (act && (event.key === "w" || currentForm().elements.frame)) {
    event.preventDefault();
    return act();
  }
  const button = currentForm().querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
  if (button && !event.repeat) return mark(button);
  const name = SWITCHES[event.key.toLowerCase()];
  if (name && !event.repeat) return flip(name);
  if (event.key !== " " || event.target.matches("summary, button:not(#reveal button)")) return;
  // The button with the focus, or else the chosen one.
  const pressed = event.target.closest("#reveal button") ?? chosen();
  if (!pressed || (event.repeat && !shown)) return;
  event.preventDefault();
  if (!event.repeat) press(pressed);
});
document.addEventListener("keyup", (event) => event.key === " " && release());
