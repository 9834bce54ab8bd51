// Calls of the client for Node that are aborted, and the helpers for the SDK. Prints what each threw or returned.
import { text } from "node:stream/consumers";

import { Client, createOnce, RetryPolicy, wait } from "@safelight/client";

const { url } = JSON.parse(await text(process.stdin));
const retries = new RetryPolicy({ firstS: 0.01, maxS: 0.02, pollS: 0.01, maxPollS: 0.02 });
const client = new Client(url, "", { retries });
// It waits after a refusal, because it may send the same key again.
const patient = new Client(url, "", { retries, honoursKeys: true });

async function abort(call, delayMs = 300) {
  const controller = new AbortController();
  if (delayMs === 0) controller.abort("enough");
  else setTimeout(() => controller.abort("enough"), delayMs).unref();
  try {
    return { returned: await call({ signal: controller.signal }) };
  } catch (error) {
    const { name, cause, idempotencyKey, videoId, submissions } = error;
    const outcomes = submissions?.map((one) => one.outcome);
    return { name, cause, hasKey: Boolean(idempotencyKey), hasVideo: Boolean(videoId), outcomes };
  }
}

const endless = await client.create("an endless tram");
const found = {
  before: await abort((options) => client.create("a tram that is never sent", {}, options), 0),
  create: await abort((options) => client.create("a silent tram", {}, options)),
  refused: await abort((options) => patient.create("a busy tram", {}, options)),
  wait: await abort((options) => client.wait(endless, options)),
  watch: await abort(async (options) => {
    for await (const _ of client.watch(endless.id, 60, options));
  }),
  download: await abort((options) => client.download(endless.id, "endless.mp4", "video", options), 0),
  generate: await abort((options) => client.generate("an endless tram", {}, {}, options)),
};
found.after = (await client.retrieve(endless.id, { signal: new AbortController().signal })).status;

const sdk = { baseURL: url, apiKey: "k" };
const video = await createOnce(sdk, { prompt: "a tram", seconds: "4" }, { idempotencyKey: "once" });
const done = await wait(sdk, video);
found.sdk = [done.id === video.id, done.status, done.raw.id === done.id];
console.log(JSON.stringify(found));
