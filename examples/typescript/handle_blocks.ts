// Handles every result that a video can have, like python/handle_blocks.py.
//   npm ci && npm run build && npm start -- "A tram at dusk" tram.mp4
// Prints one JSON object. Exit code 0: made. 3: blocked, change the prompt. 4: held for review. 1: all others.
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";

/** Longest wait for one video, and longest `retry-after` that is obeyed when a create is rate limited. */
const DEADLINE_MS = 1_800_000;
const MAX_WAIT_MS = 120_000;
/** Submissions in total, if a request fails for a reason unrelated to its content. */
const MAX_SUBMISSIONS = 3;

type Charged = "yes" | "no" | "unknown";

interface Outcome {
  end: "made" | "blocked" | "held" | "failed";
  videoId?: string;
  code?: string;
  says?: string;
  charged: Charged;
  nextStep?: string;
}

interface Details {
  video_id?: string;
  next_step?: string;
  retry?: { how: "same" | "new_seed" | "change_prompt" | "never" };
}

/** The video as Safelight returns it: OpenAI's fields, and one object of its own. */
type Made = OpenAI.Video & {
  error: { code: string; message: string; moderation_details?: Details } | null;
  safelight: { state: string; charge: { charged: Charged } | null };
};

/** Request a video and wait for its end; resubmit only if that can help and cannot be charged twice. */
async function make(client: OpenAI, fields: OpenAI.VideoCreateParams): Promise<Outcome> {
  let outcome: Outcome = { end: "failed", charged: "unknown" };
  for (let attempt = 0; attempt < MAX_SUBMISSIONS; attempt++) {
    let video: Made;
    try {
      video = await wait(client, await create(client, fields));
    } catch (error) {
      if (error instanceof OpenAI.APIConnectionError) {
        // The SDK has tried three times with the same key. It is unknown whether the request was accepted.
        return { end: "failed", code: "no_answer", says: error.message, charged: "unknown" };
      }
      if (error instanceof OpenAI.APIError) return refused(error);
      throw error;
    }
    outcome = ended(video);
    if (!shouldResubmit(outcome, video, attempt)) return outcome;
    await sleep(Math.min(2 ** attempt + Math.random(), 30) * 1000);
  }
  return outcome;
}

/** Submit once. If the server asks to wait, wait up to `MAX_WAIT_MS`. */
async function create(client: OpenAI, fields: OpenAI.VideoCreateParams): Promise<Made> {
  // If a response is lost, the SDK sends the request again; with a key it is still one video.
  const headers = { "Idempotency-Key": randomUUID() };
  for (;;) {
    try {
      return (await client.videos.create(fields, { headers })) as Made;
    } catch (error) {
      if (!(error instanceof OpenAI.RateLimitError)) throw error;
      const asked = Number(error.headers?.get("retry-after") ?? 0) * 1000;
      // No `retry-after`, or longer than we wait: a daily quota is not a short rate limit.
      if (!(asked > 0 && asked <= MAX_WAIT_MS)) throw error;
      await sleep(asked);
    }
  }
}

/** Poll until the video ends or is held, at the interval that the server sets, up to the deadline. */
async function wait(client: OpenAI, video: Made): Promise<Made> {
  const until = Date.now() + DEADLINE_MS;
  for (;;) {
    const { data, response } = await client.videos.retrieve(video.id).withResponse();
    const now = data as Made;
    const over = now.status === "completed" || now.status === "failed" || now.safelight.state === "held";
    if (over || Date.now() > until) return now;
    await sleep(Number(response.headers.get("openai-poll-after-ms") ?? 1000));
  }
}

/** The outcome of a rejected request. The SDK has already retried what may be retried. */
function refused(error: InstanceType<typeof OpenAI.APIError>): Outcome {
  const body = (error.error ?? {}) as { message?: string; moderation_details?: Details };
  const says = body.message ?? error.message;
  if (error.code !== "sentinel_block") return { end: "failed", code: error.code ?? "", says, charged: "no" };
  const details = body.moderation_details;
  return {
    end: "blocked",
    videoId: details?.video_id,
    code: error.code,
    says,
    charged: "no",
    nextStep: details?.next_step ?? "Change the prompt.",
  };
}

function ended(video: Made): Outcome {
  const charged = video.safelight.charge?.charged ?? "unknown";
  const common = { videoId: video.id, charged };
  if (video.status === "completed") return { end: "made", ...common };
  // A reviewer must decide. Do not block on that: poll later, or use the webhook.
  if (video.safelight.state === "held") return { end: "held", ...common };
  if (video.status !== "failed" || video.error === null) return { end: "failed", code: "deadline", ...common };
  const blocked = ["sentinel_block", "moderation_blocked"].includes(video.error.code);
  return {
    end: blocked ? "blocked" : "failed",
    code: video.error.code,
    says: video.error.message,
    nextStep: video.error.moderation_details?.next_step,
    ...common,
  };
}

/** Whether submitting again can help. Never for a block of the prompt, and only if nothing was charged. */
function shouldResubmit(outcome: Outcome, video: Made, attempt: number): boolean {
  if (outcome.charged !== "no") return false;
  switch (outcome.code) {
    case "upstream_error":
    case "timeout":
    case "scan_failed":
      return true;
    case "moderation_blocked": {
      // Generation is random: the same prompt can give an allowed video. Retry once.
      const how = video.error?.moderation_details?.retry?.how;
      return attempt === 0 && (how === "same" || how === "new_seed");
    }
    default:
      // sentinel_block, submit_unknown, made, held, and unknown codes.
      return false;
  }
}

const [prompt, file] = process.argv.slice(2);
const { SAFELIGHT_URL: baseURL, SAFELIGHT_API_KEY: apiKey } = process.env;
if (!prompt || !file || !baseURL || !apiKey) {
  throw new Error('Set SAFELIGHT_URL and SAFELIGHT_API_KEY, and give a prompt and a file: npm start -- "..." a.mp4');
}
const client = new OpenAI({ baseURL, apiKey });
const outcome = await make(client, { prompt, seconds: "4", size: "1280x720" });
if (outcome.end === "made" && outcome.videoId) {
  const content = await client.videos.downloadContent(outcome.videoId);
  await writeFile(file, Buffer.from(await content.arrayBuffer()));
}
console.log(JSON.stringify(outcome, null, 2));
process.exitCode = { made: 0, blocked: 3, held: 4, failed: 1 }[outcome.end];
