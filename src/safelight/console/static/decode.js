// The answer comes in place, and an example is one press away.

const form = document.getElementById("decode");
const answer = document.getElementById("answer");

const ask = async () => {
  const got = await fetch("/decode", { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "text/x-part" } });
  const body = await got.text();
  if (got.headers.get("content-type")?.includes("html")) answer.innerHTML = body;
  else answer.textContent = JSON.parse(body).error.message;
};

form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
form.elements.text.addEventListener("paste", () => setTimeout(ask));
form.querySelector(".examples").hidden = false;
for (const one of form.querySelectorAll("[data-example]")) {
  one.addEventListener("click", () => {
    form.elements.text.value = one.dataset.example;
    ask();
  });
}
