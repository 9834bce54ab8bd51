// The jobs of `scenarios.json` with the client for Node. Reads the servers as JSON from the standard
// input, and prints the outcome of each job: { server: { prompt: outcome } }.
import { join } from "node:path";
import { text } from "node:stream/consumers";

import {
  ApiError,
  Client,
  ClientError,
  ConnectionFailed,
  DeadlinePassed,
  DownloadFailed,
  InvalidResponse,
  RetryPolicy,
  SubmitUnknown,
  VideoFailed,
  VideoVanished,
} from "@safelight/client";

const NAMES = [
  [SubmitUnknown, "submit_unknown"],
  [DeadlinePassed, "deadline_passed"],
  [VideoVanished, "vanished"],
  [VideoFailed, "failed"],
  [DownloadFailed, "download_failed"],
  [InvalidResponse, "invalid_response"],
  [ApiError, "rejected"],
  [ConnectionFailed, "no_connection"],
];
const AT_ONCE = 16;

async function run(client, prompt, { folder, deadlineS }) {
  try {
    const video = await client.wait(await client.create(prompt), { deadlineS });
    await client.download(video, join(folder, `${video.id}.mp4`));
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    if (error.explanation.isBlock) return "blocked";
    return NAMES.find(([kind]) => error instanceof kind)[1];
  }
  return "completed";
}

async function runAll(server) {
  const retries = new RetryPolicy({ firstS: 0.01, maxS: 0.05, pollS: 0.01, maxPollS: 0.02, vanishedAfterS: 0.1 });
  const client = new Client(server.url, "", { honoursKeys: server.honoursKeys, retries });
  const outcomes = {};
  const prompts = server.prompts.values();
  const work = async () => {
    for (const prompt of prompts) outcomes[prompt] = await run(client, prompt, server);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return outcomes;
}

const servers = JSON.parse(await text(process.stdin));
const found = await Promise.all(Object.entries(servers).map(async ([name, server]) => [name, await runAll(server)]));
console.log(JSON.stringify(Object.fromEntries(found)));
