// Explains an error without leaving the page. The example buttons fill in the form.

const form = document.getElementById("explain-error");
const result = document.getElementById("result");

const explain = async () => {
  const response = await fetch("/explain-error", { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "text/x-fragment" } });
  const body = await response.text();
  if (response.headers.get("content-type")?.includes("html")) result.innerHTML = body;
  else result.textContent = JSON.parse(body).error.message;
};

form.addEventListener("submit", (event) => { event.preventDefault(); explain(); });
form.elements.text.addEventListener("paste", () => setTimeout(explain));
form.querySelector(".examples").hidden = false;
for (const button of form.querySelectorAll("[data-example]")) {
  button.addEventListener("click", () => {
    form.elements.text.value = button.dataset.example;
    explain();
  });
}
