// Records a short clip with the camera into the file field of the form. Without a camera, a file is chosen as before.

const RECORDED_MS = 5000;
const box = document.getElementById("camera");
const button = box.querySelector("button");
const preview = box.querySelector("video");
const told = box.querySelector("[role=status]");
const form = box.closest("form");
const field = form.querySelector("input[type=file]");

// While a clip is recorded, the form cannot be sent without it.
const setEnabled = (enabled) => {
  for (const one of form.querySelectorAll("button")) one.disabled = !enabled;
};

const record = async (stream) => {
  const recorder = new MediaRecorder(stream);
  const parts = [];
  recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
  const stopped = new Promise((resolve, reject) => {
    recorder.addEventListener("stop", resolve);
    recorder.addEventListener("error", ({ error }) => reject(error));
  });
  recorder.start();
  setTimeout(() => recorder.state === "recording" && recorder.stop(), RECORDED_MS);
  await stopped;
  const type = recorder.mimeType.split(";")[0];
  return new File(parts, `camera.${type.split("/")[1]}`, { type });
};

button.addEventListener("click", async () => {
  setEnabled(false);
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" } });
    preview.srcObject = stream;
    preview.hidden = false;
    await preview.play();
    told.textContent = box.dataset.recording;
    const chosen = new DataTransfer();
    chosen.items.add(await record(stream));
    field.files = chosen.files;
    told.textContent = box.dataset.done;
  } catch {
    told.textContent = box.dataset.failed;
  } finally {
    for (const track of stream?.getTracks() ?? []) track.stop();
    preview.hidden = true;
    setEnabled(true);
  }
});
box.hidden = !(navigator.mediaDevices && window.MediaRecorder);
