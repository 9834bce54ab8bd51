// What to do with every way a video can end, as python/handle_blocks.py has it.
//   npm ci && npm run build && npm start -- "A tram at dusk" tram.mp4
// Prints one JSON object. Exit code 0: made. 3: blocked, change the prompt. 4: held for a person. 1: the rest.
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";

/** How long this program waits for one video, and how long it is willing to wait to be let in. */
const DEADLINE_MS = 1_800_000;
const LONGEST_WAIT_MS = 120_000;
/** New orders after trouble that was nobody's fault. */
const ORDERS = 3;

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

/** The video as Safelight sends it: OpenAI's, and one object of its own. */
type Made = OpenAI.Video & {
  error: { code: string; message: string; moderation_details?: Details } | null;
  safelight: { state: string; charge: { charged: Charged } | null };
};

/** Order a video and wait for its end; order again only where that can help and can cost nothing twice. */
async function make(client: OpenAI, fields: OpenAI.VideoCreateParams): Promise<Outcome> {
  let outcome: Outcome = { end: "failed", charged: "unknown" };
  for (let attempt = 0; attempt < ORDERS; attempt++) {
    let video: Made;
    try {
      video = await wait(client, await create(client, fields));
    } catch (error) {
      if (error instanceof OpenAI.APIConnectionError) {
        // The SDK has tried three times with the same key. Whether the order was taken is not known.
        return { end: "failed", code: "no_answer", says: error.message, charged: "unknown" };
      }
      if (error instanceof OpenAI.APIError) return refused(error);
      throw error;
    }
    outcome = ended(video);
    if (!worthAnotherOrder(outcome, video, attempt)) return outcome;
    await sleep(Math.min(2 ** attempt + Math.random(), 30) * 1000);
  }
  return outcome;
}

/** One order. Being asked to wait is obeyed where the wait is bearable. */
async function create(client: OpenAI, fields: OpenAI.VideoCreateParams): Promise<Made> {
  // The SDK sends a request again when its answer is lost; with a key that is still one video.
  const headers = { "Idempotency-Key": randomUUID() };
  for (;;) {
    try {
      return (await client.videos.create(fields, { headers })) as Made;
    } catch (error) {
      if (!(error instanceof OpenAI.RateLimitError)) throw error;
      const asked = Number(error.headers?.get("retry-after") ?? 0) * 1000;
      // No word on how long, or longer than we wait: a quota that ends tomorrow is no rate limit.
      if (!(asked > 0 && asked <= LONGEST_WAIT_MS)) throw error;
      await sleep(asked);
    }
  }
}

/** Ask until it ends or is held, as often as the server wants to be asked, and no longer than the deadline. */
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

/** An order that was not taken. The SDK has sent again by itself what may be sent again. */
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
  const told = { videoId: video.id, charged };
  if (video.status === "completed") return { end: "made", ...told };
  // A person looks at it. Do not block a request on that: come back, or take the webhook.
  if (video.safelight.state === "held") return { end: "held", ...told };
  if (video.status !== "failed" || video.error === null) return { end: "failed", code: "deadline", ...told };
  const blocked = ["sentinel_block", "moderation_blocked"].includes(video.error.code);
  return {
    end: blocked ? "blocked" : "failed",
    code: video.error.code,
    says: video.error.message,
    nextStep: video.error.moderation_details?.next_step,
    ...told,
  };
}

/** Whether ordering again can help. A block of the words never; what may have cost money only knowingly. */
function worthAnotherOrder(outcome: Outcome, video: Made, attempt: number): boolean {
  if (outcome.charged !== "no") return false;
  switch (outcome.code) {
    case "upstream_error":
    case "timeout":
    case "scan_failed":
      return true;
    case "moderation_blocked": {
      // Models throw dice: the same words can come out well. Once.
      const how = video.error?.moderation_details?.retry?.how;
      return attempt === 0 && (how === "same" || how === "new_seed");
    }
    default:
      // sentinel_block, submit_unknown, made, held, and whatever we do not know.
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
