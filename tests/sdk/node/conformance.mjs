// `node conformance.mjs BASE_URL KEY calls|errors`: what the official SDK for JavaScript sees, as one JSON object.
// The twin of ../conformance.py, which says what each part is for.
import { createHash } from "node:crypto";

import OpenAI, { toFile } from "openai";
import { VERSION } from "openai/version";

const [baseURL, apiKey, part] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey });

/** The error a call ends with, as the SDK's users see it. */
async function refusal(call) {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof OpenAI.APIError)) throw error;
    return {
      class: error.constructor.name,
      status: error.status,
      code: error.code,
      param: error.param,
      type: error.type,
      request_id: error.requestID,
      body: error.error,
    };
  }
  return { class: null };
}

async function bytes(response) {
  return Buffer.from(await response.arrayBuffer());
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function calls() {
  const { videos } = client;
  let video = await videos.create({
    prompt: "A paper boat on a pond in the rain, slow pan",
    model: "storyboard",
    seconds: "4",
    size: "640x360",
    safety_identifier: "user-1",
    metadata: { project: "boats" },
  });
  while (["queued", "in_progress"].includes(video.status)) {
    await sleep(250);
    video = await videos.retrieve(video.id);
  }
  const listed = [];
  for await (const each of videos.list({ limit: 2 })) listed.push(each.id);
  const content = await bytes(await videos.downloadContent(video.id));
  const seen = {
    version: VERSION,
    made: video,
    retrieved: await videos.retrieve(video.id),
    listed,
    content: { sha256: createHash("sha256").update(content).digest("hex"), head: content.subarray(4, 8).toString() },
    thumbnail: (await bytes(await videos.downloadContent(video.id, { variant: "thumbnail" }))).length,
    remixed: await videos.remix(video.id, { prompt: "at night" }),
    extended: await videos.extend({ prompt: "and then the sun comes out", seconds: "4", video: { id: video.id } }),
    edit: await refusal(() => videos.edit({ prompt: "make it night", video: { id: video.id } })),
  };
  const clip = () => toFile(content, "boat.mp4", { type: "video/mp4" });
  seen.edit_upload = await refusal(async () => videos.edit({ prompt: "make it night", video: await clip() }));
  seen.character = await videos.createCharacter({ name: "Bo the boat", video: await clip() });
  seen.character_again = await videos.getCharacter(seen.character.id);
  const keyed = (prompt) =>
    videos.create({ prompt, size: "640x360" }, { headers: { "Idempotency-Key": `node-${video.id}` } });
  seen.keyed = [(await keyed("a boat")).id, (await keyed("a boat")).id];
  seen.key_reused = await refusal(() => keyed("another boat"));
  seen.models = [];
  for await (const each of client.models.list()) seen.models.push(each.id);
  seen.model = await client.models.retrieve("storyboard");
  seen.moderation = await client.moderations.create({ input: ["a boat", "SAFELIGHT-TEST:violence"] });
  const url = `data:video/mp4;base64,${content.toString("base64")}`;
  seen.moderated_clip = await client.moderations.create({ input: [{ type: "video_url", video_url: { url } }] });
  seen.rate = (await videos.create({ prompt: "a boat", size: "640x360" }).withResponse()).response.headers.get(
    "x-ratelimit-remaining-requests",
  );
  seen.deleted = await videos.delete(video.id);
  seen.after_delete = await refusal(() => videos.retrieve(video.id));
  seen.remix_after_delete = await refusal(() => videos.remix(video.id, { prompt: "at night" }));
  seen.block = await refusal(() => videos.create({ prompt: "SAFELIGHT-TEST:violence" }));
  seen.unknown_field = await refusal(() => videos.create({ prompt: "a boat", no_such_field: "x" }));
  seen.did_you_mean = await refusal(() => videos.create({ prompt: "a boat", duration: "4" }));
  seen.bad_reference = await refusal(() =>
    videos.create({ prompt: "a boat", input_reference: { image_url: "data:text/plain;base64,aGVsbG8=" } }),
  );
  seen.text_as_png = await refusal(async () =>
    videos.create({ prompt: "a boat", input_reference: await toFile(Buffer.from("no picture"), "a.png") }),
  );
  const stranger = new OpenAI({ baseURL, apiKey: "sk-wrong" });
  seen.stranger = await refusal(() => stranger.videos.list());
  return seen;
}

async function errors() {
  const seen = {};
  for (const name of JSON.parse(process.argv[5])) {
    seen[name] = await refusal(() => client.videos.create({ prompt: `trouble:${name}` }));
  }
  return seen;
}

async function models() {
  const seen = {};
  for (const name of JSON.parse(process.argv[5])) {
    let video = await client.videos.create({ prompt: "A paper boat on a pond", model: name });
    while (["queued", "in_progress"].includes(video.status)) {
      await sleep(250);
      video = await client.videos.retrieve(video.id);
    }
    const content = await bytes(await client.videos.downloadContent(video.id));
    seen[name] = { ...video, head: content.subarray(4, 8).toString() };
  }
  return seen;
}

console.log(JSON.stringify(await { calls, errors, models }[part]()));
