// The sound of a case: fetched and played only while a button or the L key is held. The server logs each part.
import { ask } from "./fragment.js";

let held = null;
let context = null;

export const isPlaying = () => held !== null;

// Prepares the buttons of the case that is shown now.
export const prepareSound = () => {
  const form = document.getElementById("sound");
  if (!form || form.dataset.prepared) return;
  form.dataset.prepared = "true";
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const button of form.querySelectorAll("button")) {
    button.addEventListener("pointerdown", () => play(button));
    for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(end, stopSound);
  }
};

const play = (button, part = button.value) => {
  if (!held) start(button.form, part, 1, button.value === part ? button : null);
};

// The sound of a part of the clip, beside its pictures.
export const playPart = (part, speed) => {
  const form = document.getElementById("sound");
  stopSound();
  if (form) start(form, part, speed, null);
};

const start = async (form, part, speed, button) => {
  const press = { form, button, view: "", source: null };
  held = press;
  context ??= new AudioContext();
  context.resume();
  const response = await ask(form.action, { method: "POST", headers: { Accept: "audio/wav" }, body: new URLSearchParams({ part }) }).catch(() => null);
  // The budget of pictures and sound is used up: the page says so.
  if (response?.status === 403) return location.reload();
  form.querySelector("[role=status]").textContent = response?.ok ? "" : form.dataset.none;
  if (!response?.ok) return;
  press.view = response.headers.get("x-safelight-view") ?? "";
  const sound = await context.decodeAudioData(await response.arrayBuffer());
  if (held !== press) return endView(press);
  press.source = new AudioBufferSourceNode(context, { buffer: sound, playbackRate: speed });
  press.source.addEventListener("ended", () => held === press && stopSound());
  press.source.connect(context.destination);
  press.source.start();
  if (button) button.ariaPressed = "true";
};

const endView = (press) => {
  if (press.view) fetch(press.form.action.replace(/sound$/, "hide"), { method: "POST", keepalive: true, body: new URLSearchParams({ view: press.view }) });
  press.view = "";
};

export const stopSound = () => {
  if (!held) return;
  const press = held;
  held = null;
  press.source?.stop();
  if (press.button) press.button.ariaPressed = null;
  endView(press);
};

// The button that a key plays: the space bar the one with the focus, and L the first one, or the sound of the marked moment.
const buttonOf = (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, input[type=text], input[type=number]") || document.querySelector("dialog:modal")) return null;
  if (event.key === " ") return event.target.closest("#sound button");
  return event.key.toLowerCase() === "l" ? document.querySelector("#sound button") : null;
};
addEventListener("blur", stopSound);
document.addEventListener("keydown", (event) => {
  const button = buttonOf(event);
  if (!button) return;
  event.preventDefault();
  const moment = event.key === " " ? null : document.querySelector("#reveal [aria-current][data-sound]");
  if (!event.repeat) play(button, moment?.dataset.sound);
});
document.addEventListener("keyup", (event) => [" ", "l", "L"].includes(event.key) && stopSound());
