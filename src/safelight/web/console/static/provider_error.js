// Explains an error without leaving the page, which may be the studio. The example buttons fill in the form.
import { fetchFragment } from "./fragment.js";

const form = document.getElementById("explain-error");
const result = document.getElementById("explained");
const studio = document.getElementById("request");

const explain = async () => {
  result.innerHTML = await fetchFragment("/explain-error", { method: "POST", body: new URLSearchParams(new FormData(form)) });
};

// In the studio, the prompt of the request is usually the refused one.
studio && document.getElementById("refused").addEventListener("toggle", () => {
  if (!form.elements.prompt.value) form.elements.prompt.value = studio.elements.prompt.value;
});

form.addEventListener("submit", (event) => { event.preventDefault(); explain(); });
// With a prompt beside it, an answer costs a check, so it is not made before it is asked for.
form.elements.text.addEventListener("paste", () => setTimeout(() => form.elements.prompt?.value || explain()));
for (const examples of form.querySelectorAll(".examples")) examples.hidden = false;
for (const button of form.querySelectorAll("[data-example]")) {
  button.addEventListener("click", () => {
    form.elements.text.value = button.dataset.example;
    if (!form.elements.prompt?.value) explain();
  });
}
