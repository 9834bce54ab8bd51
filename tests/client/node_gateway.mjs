// A create and a block of a gateway with the client for Node, and what errors of the official SDK mean. Reads `url`
// and `key` as JSON from the standard input, and prints what it saw.
import { text } from "node:stream/consumers";

import { Client, ClientError, explain } from "@safelight/client";
import OpenAI from "openai";

const { url, key } = JSON.parse(await text(process.stdin));
const client = new Client(url, key);
const fields = { size: "640x360", metadata: { scene: "1" } };
const prompt = "A paper boat\non a pond";
const first = await client.create(prompt, fields, { idempotencyKey: "boat" });
const again = await client.create(prompt, fields, { idempotencyKey: "boat" });
const video = await client.retrieve(first.id);

const BLOCKED = "A fight SAFELIGHT-TEST:violence in a bar";
const block = await client.create(BLOCKED).catch((error) => error);
const sdk = new OpenAI({ baseURL: url, apiKey: key, maxRetries: 0 });
const sdkBlock = await sdk.videos.create({ prompt: BLOCKED }).catch((error) => error);
const sdkLost = await new OpenAI({ baseURL: "http://127.0.0.1:1", apiKey: key, maxRetries: 0 }).videos
  .create({ prompt })
  .catch((error) => error);

const describe = ({ code, stage, charged, retry, byProvider }) => [code, stage, charged, retry, byProvider];
console.log(
  JSON.stringify({
    isSame: first.id === again.id,
    honoursKeys: client.session.honoursKeys,
    video: [video.prompt, video.size, video.raw.metadata],
    block: [block instanceof ClientError && block.name, ...describe(block.explanation)],
    sdkBlock: describe(explain(sdkBlock)),
    sdkLost: [explain(sdkLost).kind, ...describe(explain(sdkLost))],
  }),
);
