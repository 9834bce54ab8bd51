// The calls of `calls.json` with the client for Node, and what it explains and verifies. Reads JSON from the
// standard input, and prints what each call returned or threw.
import { text } from "node:stream/consumers";

import { Client, ClientError, explain, RetryPolicy, verifyWebhook } from "@safelight/client";

const RETRIES = new RetryPolicy({ firstS: 0.01, maxS: 0.02, pollS: 0.01, maxPollS: 0.02, vanishedAfterS: 0.05 });

async function perform({ call, address, path }) {
  const options = call.honours_keys === undefined ? {} : { honoursKeys: call.honours_keys };
  const client = new Client(address, call.api_key, { ...options, retries: RETRIES });
  switch (call.do) {
    case "create":
      return describeVideo(await client.create(call.prompt ?? "a tram", { ...call.fields, ...readFile(call.file) }));
    case "retrieve":
      return describeVideo(await client.retrieve("v1"));
    case "wait": {
      const progress = [];
      const onProgress = (video) => progress.push(`${video.serverStatus} ${video.progress}`);
      await client.wait("v1", { deadlineS: call.deadline_s ?? 60, onProgress });
      return { ...describeVideo(await client.retrieve("v1")), progress };
    }
    case "download": {
      const found = await client.download("v1", path);
      return { size: found.size, is_verified: found.isVerified, sha256: found.sha256 };
    }
    case "list": {
      const page = await client.list();
      return { ids: page.videos.map((video) => video.id), has_more: page.hasMore };
    }
    case "cancel":
      return await client.cancel("v1");
    default: {
      const made = await client.generate("a tram", readPlan(call.plan), call.fields);
      return { ...describeVideo(made.video), submissions: made.submissions.map(describeSubmission) };
    }
  }
}

function readFile(given) {
  return given && { input_reference: new File([given.text], given.name, { type: given.type }) };
}

function readPlan(given) {
  const models = given.models.map((one) => ({ model: one.model, usdPerSecond: one.usd_per_second }));
  return { models, draft: given.draft, maxUsd: given.max_usd, maxSubmissions: given.max_submissions };
}

function describeVideo(video) {
  const { id, status, charged, amount, stage, retry } = video;
  return { id, status, server_status: video.serverStatus, charged, amount, stage, retry, next_step: video.nextStep };
}

function describeExplanation(found) {
  if (found === null) return {};
  const { kind, stage, charged, retry, code, provider, category } = found;
  const more = { next_step: found.nextStep, after_s: found.afterS, by_provider: found.byProvider };
  return { kind, stage, charged, retry, code, provider, category, ...more };
}

function describeSubmission(one) {
  const worst = one.worstUsd === null ? "null" : Number(one.worstUsd.toFixed(6));
  return `${one.model} ${one.videoId} ${one.outcome} ${one.charged} ${worst}`;
}

async function describeOutcome(step) {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof ClientError)) return { error: error.name, message: error.message };
    const { name, status, candidates = [], explanation } = error;
    const submissions = error.submissions.map(describeSubmission);
    return { error: name, ...describeExplanation(explanation), status, candidates, submissions };
  }
}

const given = JSON.parse(await text(process.stdin));
const calls = [];
for (const one of given.calls) calls.push(await describeOutcome(() => perform(one)));
const explanations = given.bodies.map((body) => describeExplanation(explain(body)));
const webhooks = [];
for (const { body, headers, secret, now } of given.webhooks) {
  webhooks.push(await describeOutcome(() => verifyWebhook(body, headers, secret, now)));
}
console.log(JSON.stringify({ calls, explanations, webhooks }));
