/** Waits for the end of a video. A server that hangs, lies or forgets ends the wait with an error. */

import { Aborted } from "./abort.js";
import { readRetryAfter } from "./error_meanings.js";
import { ApiError, ClientError, DeadlinePassed, InvalidResponse, VideoVanished } from "./errors.js";
import { makeExplanation } from "./explanation.js";
import { readNumber } from "./json.js";
import { readVideoOf } from "./responses.js";
import type { Session } from "./session.js";
import type { Answer, Send } from "./transport.js";
import type { Video } from "./video.js";

/** A poll gets at least this much time for its response, however near the deadline is. */
const LEAST_TIMEOUT_S = 1;
/** Responses in a row that say the same before it is believed: a proxy may answer once in place of the server. */
const BELIEVED = 3;

/** One video, with retries until the policy gives up. */
export async function retrieve(session: Session, videoId: string): Promise<Video> {
  return readVideoOf(await read(session, { method: "GET", path: `/videos/${encodeURIComponent(videoId)}` }));
}

/** The response to a request that changes nothing, with retries. An error status is returned as it is. */
export async function read(session: Session, request: Send): Promise<Answer> {
  for (let failures = 1; ; failures++) {
    const last = failures >= session.retries.attempts;
    let delayS: number;
    try {
      const answer = await session.transport.send(request);
      const isRetried = [408, 425, 429].includes(answer.status) || answer.status >= 500;
      if (!isRetried || last || answer.headers.get("x-should-retry") === "false") return answer;
      delayS = session.retries.delayS(failures, readRetryAfter(answer.headers));
      if (delayS > session.retries.maxRetryAfterS) return answer;
    } catch (error) {
      if (last || !(error instanceof ClientError)) throw error;
      delayS = session.retries.delayS(failures, error.afterS);
    }
    await session.pause(delayS);
  }
}

/**
 * Polls until the video has ended: yields it now, after each change, and at its end.
 *
 * Throws `DeadlinePassed`, `VideoVanished`, `InvalidResponse`, or `ApiError` if the key is not accepted.
 */
export async function* watch(session: Session, video: Video, deadlineS: number): AsyncGenerator<Video, void> {
  try {
    yield* poll(session, video, deadlineS);
  } catch (error) {
    if (error instanceof Aborted) error.videoId = video.id;
    throw error;
  }
}

async function* poll(session: Session, video: Video, deadlineS: number): AsyncGenerator<Video, void> {
  const began = session.clock();
  let changed = began;
  let delayS = session.retries.pollDelayS(0, null);
  const failures = new PollFailures(session, video);
  yield video;
  while (!video.hasEnded) {
    let leftS = began + deadlineS - session.clock();
    if (leftS <= 0) throw makeDeadlinePassed(video, session.clock() - changed);
    await session.pause(Math.min(delayS, leftS));
    leftS = Math.max(began + deadlineS - session.clock(), LEAST_TIMEOUT_S);
    let answer: Answer;
    let latest: Video;
    try {
      const path = `/videos/${encodeURIComponent(video.id)}`;
      answer = await session.transport.send({ method: "GET", path, timeoutS: leftS });
      latest = readVideoOf(answer);
      if (latest.id !== video.id) {
        throw new InvalidResponse(`The server answered with the video '${latest.id.slice(0, 80)}'.`);
      }
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      delayS = failures.add(error);
      continue;
    }
    failures.clear();
    const isChange = latest.serverStatus !== video.serverStatus || latest.progress !== video.progress;
    video = latest;
    if (isChange || latest.hasEnded) {
      changed = session.clock();
      yield latest;
    }
    const statedMs = readNumber(answer.headers.get("openai-poll-after-ms"));
    delayS = session.retries.pollDelayS(session.clock() - began, statedMs);
  }
}

/** Polls in a row that failed. */
class PollFailures {
  #missing = 0;
  #missingSince = 0;
  #unreadable = 0;
  #failures = 0;

  constructor(
    readonly session: Session,
    readonly video: Video,
  ) {}

  clear(): void {
    this.#missing = this.#unreadable = this.#failures = 0;
  }

  /** Seconds until the next poll. Throws if the error ends the wait. */
  add(error: ClientError): number {
    const { retries } = this.session;
    if (error instanceof InvalidResponse) {
      this.#unreadable++;
      if (this.#unreadable >= BELIEVED) throw error;
      return retries.delayS(this.#unreadable);
    }
    if (error instanceof ApiError) this.#believe(error);
    this.#failures++;
    return retries.delayS(this.#failures, error.afterS);
  }

  #believe(error: ApiError): void {
    const status = error.status ?? 0;
    const now = this.session.clock();
    this.#missing = status === 404 ? this.#missing + 1 : 0;
    if (this.#missing === 1) this.#missingSince = now;
    const missingS = now - this.#missingSince;
    if (this.#missing >= BELIEVED && missingS >= this.session.retries.vanishedAfterS) {
      throw makeVideoVanished(this.video, error);
    }
    // An error with a status of success, as some servers send it.
    const isOk = status >= 200 && status < 300;
    if (isOk) this.#unreadable++;
    const isOfServer = [404, 408, 425, 429].includes(status) || status >= 500 || isOk;
    if (error.explanation.isBlock || !isOfServer || this.#unreadable >= BELIEVED) throw error;
  }
}

/** The error for a video that was not finished in time. */
function makeDeadlinePassed(video: Video, unchangedS: number): DeadlinePassed {
  const message = video.isHeld
    ? `The video ${video.id} waits for the decision of a reviewer.`
    : `The video ${video.id} is still ${video.serverStatus} at ${video.progress} %; ` +
      `nothing changed for ${unchangedS.toFixed(0)} s.`;
  const nextStep = video.isHeld
    ? "Retrieve the video later; a webhook reports the decision."
    : "Retrieve it later by its id, or cancel it. It may go on and be charged. Do not create it again.";
  const explanation = makeExplanation({
    kind: "timeout",
    stage: video.isHeld ? "output" : "generation",
    charged: video.charged,
    retry: "never",
    nextStep,
    message,
    code: "deadline_passed",
  });
  return new DeadlinePassed(message, { explanation, video }, unchangedS);
}

/** The error for a video that the server no longer knows. */
function makeVideoVanished(video: Video, cause: ApiError): VideoVanished {
  const message = `The server no longer knows the video ${video.id}.`;
  const explanation = makeExplanation({
    kind: "unknown",
    stage: "generation",
    charged: video.charged,
    retry: "never",
    nextStep: "Look at the bill of the server before you send the request again.",
    message,
    code: "vanished",
  });
  return new VideoVanished(message, { explanation, video, cause });
}
