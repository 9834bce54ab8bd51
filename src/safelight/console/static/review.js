// A case: pictures only while they are held, the decision by keys, the next case's words fetched ahead.

const form = document.getElementById("decide");
const reveal = document.getElementById("reveal");

if (reveal) {
  const button = reveal.querySelector("button");
  const veil = document.getElementById("veil");
  const picture = veil.querySelector("canvas");
  const looks = document.getElementById("looks");
  let held = false;
  let count = 0;
  button.textContent = button.dataset.hold;
  reveal.addEventListener("submit", (event) => event.preventDefault());
  const hold = async () => {
    if (held) return;
    held = true;
    const answer = await fetch(reveal.action, { method: "POST", headers: { Accept: "image/webp" } });
    if (!answer.ok) {
      looks.textContent = reveal.dataset.none;
      return;
    }
    count += 1;
    looks.textContent = `${count} ×`;
    const sheet = await createImageBitmap(await answer.blob());
    if (!held) return;
    picture.width = sheet.width;
    picture.height = sheet.height;
    picture.getContext("2d").drawImage(sheet, 0, 0);
    picture.hidden = false;
  };
  const release = () => {
    held = false;
    picture.hidden = true;
    picture.width = 0;
  };
  button.addEventListener("pointerdown", hold);
  for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(end, release);
  addEventListener("blur", release);
  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || event.repeat || event.target.matches("textarea, input[type=text], summary, button:not(#reveal button)")) {
      if (event.key === " " && event.repeat && held) event.preventDefault();
      return;
    }
    event.preventDefault();
    hold();
  });
  document.addEventListener("keyup", (event) => event.key === " " && held && release());
}

if (form) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("textarea, input[type=text]") || document.querySelector("dialog[open]")) return;
    const wanted = form.querySelector(`[data-key="${event.key.toLowerCase()}"]`);
    if (!wanted) return;
    event.preventDefault();
    if (wanted.matches("input")) {
      wanted.checked = true;
      wanted.focus();
    } else if (form.elements.reason.value.trim()) {
      form.requestSubmit(wanted);
    } else {
      form.elements.reason.focus();
      form.elements.reason.reportValidity();
    }
  });
}

// Its text, never its pixels.
const next = document.querySelector(".queue-side [data-row]:not([aria-current])");
if (next) {
  const link = document.createElement("link");
  link.rel = "prefetch";
  link.href = next.href;
  document.head.append(link);
}
