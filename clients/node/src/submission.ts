/**
 * Creates a video so that it is paid at most once.
 *
 * A server that honours `Idempotency-Key` may get the request again with the same key. Any other server gets it
 * again only if no try so far can have been accepted: it never left this machine, or it was refused with 425,
 * 429 or a 503 that states this. If an answer is lost, the video is searched for in the list of the server, or
 * the request ends as `SubmitUnknown`.
 */

import { randomUUID } from "node:crypto";

import { Aborted } from "./abort.js";
import { ApiError, ClientError, ConnectionFailed, InvalidResponse, SubmitUnknown } from "./errors.js";
import { makeExplanation, unsettle } from "./explanation.js";
import { encodeForm, type Fields, type Form } from "./form.js";
import { readText } from "./json.js";
import { readCreated, readPage } from "./responses.js";
import type { Session } from "./session.js";
import type { Answer } from "./transport.js";
import type { Video } from "./video.js";

/** A create gets at least this much time for its response, however near its deadline is. */
const LEAST_TIMEOUT_S = 5;
/** Looks at the list after a lost answer, and pages in each. A server may list a new video late. */
const LOOKS = 3;
const PAGES = 5;
/** Clocks differ: a video may seem to be created this much before its request. */
const CLOCK_TOLERANCE_S = 2;

/** One create with its retries. */
interface Create {
  readonly fields: Fields;
  readonly form: Form;
  readonly prompt: string;
  readonly key: string;
  /** Times of the clocks of the session. */
  readonly until: number;
  readonly sentAt: number;
  /** Whether the server may have made a video. */
  mayExist: boolean;
}

/** Creates a video. Throws `ApiError`, `ConnectionFailed`, `InvalidResponse` or `SubmitUnknown`. */
export async function submit(
  session: Session,
  fields: Fields,
  key: string | undefined,
  deadlineS: number,
): Promise<Video> {
  const until = session.clock() + deadlineS;
  const form = await encodeForm(fields);
  await session.learnServer();
  const prompt = readText(fields["prompt"]);
  session.begin(prompt);
  const times = { until, sentAt: session.wallClock() };
  const create: Create = { fields, form, prompt, key: key || randomUUID(), ...times, mayExist: false };
  try {
    const video = await send(session, create);
    // Before the end: another request with this prompt must not take the video for its own.
    session.claim(video.id);
    return video;
  } catch (error) {
    if (error instanceof Aborted && create.mayExist) error.idempotencyKey = create.key;
    throw error;
  } finally {
    session.end(prompt);
  }
}

async function send(session: Session, create: Create): Promise<Video> {
  const { key, until } = create;
  for (let failures = 1; ; failures++) {
    const timeoutS = Math.max(until - session.clock(), LEAST_TIMEOUT_S);
    const headers = { "idempotency-key": key };
    let answer: Answer | null = null;
    let cause: ClientError;
    try {
      const request = { method: "POST", path: "/videos", headers, form: create.form, timeoutS } as const;
      answer = await session.transport.send(request);
      session.learnClock(answer);
      return readCreated(answer);
    } catch (error) {
      if (error instanceof Aborted) create.mayExist ||= error.isSent;
      if (!(error instanceof ClientError)) throw error;
      cause = error;
    }
    create.mayExist ||= isUncertain(cause);
    const delayS = session.retries.delayS(failures, cause.afterS);
    const inTime = session.clock() + delayS <= until && delayS <= session.retries.maxRetryAfterS;
    const again = inTime && mayHelp(cause, answer) && (session.honoursKeys === true || !create.mayExist);
    // A server that states when it has room again is asked until the deadline.
    const waitsItsTurn = !create.mayExist && cause instanceof ApiError && Boolean(cause.afterS);
    if (!again || (failures >= session.retries.attempts && !waitsItsTurn)) {
      if (!create.mayExist) throw refused(cause);
      const found = await findLost(session, create);
      if (!isIds(found)) return found;
      if (cause.explanation.isBlock) {
        // An earlier try may have made a video, although this one was refused.
        cause.explanation = unsettle(cause.explanation);
        throw cause;
      }
      // A job may exist: with the same key it is worth to try until the deadline.
      if (!again || cause instanceof InvalidResponse) throw makeSubmitUnknown(cause, found, key, session.honoursKeys);
    }
    await session.pause(delayS);
  }
}

/** Whether a proxy or a server may answer with this status although it took the request. */
function isUncertainStatus(status: number | null): boolean {
  return status !== null && ([408, 409].includes(status) || (status >= 200 && status < 300) || status >= 500);
}

/** Whether the server may have accepted the request. */
function isUncertain(error: ClientError): boolean {
  if (error instanceof ConnectionFailed) return error.sent;
  if (!(error instanceof ApiError)) return true;
  // Another server that answers 200 or 503 took the request, unless the body states that it did not.
  const isOk = error.status !== null && error.status >= 200 && error.status < 300;
  const canState = !error.explanation.byProvider || error.status === 503 || isOk;
  const isStated = error.charged === "no" && canState;
  return isUncertainStatus(error.status) && !error.explanation.isBlock && !isStated;
}

/**
 * The error of a create that was not accepted. Without a video nothing is charged, unless it is a block: some
 * providers charge for those.
 */
function refused(error: ClientError): ClientError {
  const { explanation } = error;
  if (!explanation.isBlock && explanation.charged === "unknown") {
    error.explanation = makeExplanation({ ...explanation, charged: "no" });
  }
  return error;
}

/** Whether the same request can succeed if it is sent again. */
function mayHelp(error: ClientError, answer: Answer | null): boolean {
  if (!(error instanceof ApiError) || answer === null) return true;
  if (error.explanation.isBlock || answer.headers.get("x-should-retry") === "false") return false;
  // For example a key that was used for another request, or an account without credit.
  const isStated = !error.explanation.byProvider || (error.charged === "no" && error.afterS === null);
  if (error.retry === "never" && isStated) return false;
  return isUncertainStatus(error.status) || error.status === 425 || error.status === 429;
}

/** The video of a request whose answer was lost, by the list of the server; otherwise the ids of candidates. */
async function findLost(session: Session, create: Create): Promise<Video | readonly string[]> {
  const { prompt } = create;
  const since = create.sentAt + session.clockAheadS - CLOCK_TOLERANCE_S;
  let candidates: Video[] = [];
  for (let look = 1; look <= LOOKS; look++) {
    try {
      candidates = await listCandidates(session, create.fields, since);
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      const status = error instanceof ApiError ? (error.status ?? 500) : 500;
      if (status < 500 && ![408, 425, 429].includes(status)) break;
    }
    const [first, ...others] = candidates.filter((video) => video.prompt === prompt);
    // Another request with the same prompt may be the one that made the video, also an earlier one if the
    // server does not state when the video was created.
    const isMatch = first !== undefined && others.length === 0 && prompt !== "" && first.createdAt !== null;
    if (isMatch && session.isOnlyOne(prompt) && session.claim(first.id)) return first;
    const delayS = session.retries.firstS * 2 ** look;
    if (look === LOOKS || session.clock() + delayS > create.until) break;
    await session.pause(delayS);
  }
  return candidates.map((video) => video.id);
}

function isIds(found: Video | readonly string[]): found is readonly string[] {
  return Array.isArray(found);
}

/** Videos of the list that may be the result: new, not ours already, with the same fields. */
async function listCandidates(session: Session, fields: Fields, since: number): Promise<Video[]> {
  const found: Video[] = [];
  let query: Record<string, string> = { limit: "100", order: "desc" };
  for (let number = 0; number < PAGES; number++) {
    const { videos, hasMore } = readPage(await session.transport.send({ method: "GET", path: "/videos", query }));
    found.push(...videos.filter((video) => mayBe(session, video, fields, since)));
    const hasOld = videos.some((video) => video.createdAt !== null && video.createdAt < since);
    const last = videos.at(-1);
    if (!hasMore || last === undefined || hasOld) break;
    query = { ...query, after: last.id };
  }
  return found;
}

function mayBe(session: Session, video: Video, fields: Fields, since: number): boolean {
  const isOld = video.createdAt !== null && Math.floor(video.createdAt) < Math.floor(since);
  if (session.isKnown(video.id) || isOld) return false;
  return (["prompt", "model", "seconds", "size"] as const).every((name) => {
    const sent = fields[name];
    return sent === undefined || sent === null || ["", readText(sent)].includes(video[name]);
  });
}

/** The error for a create whose answer was lost. */
function makeSubmitUnknown(
  cause: ClientError,
  candidates: readonly string[],
  key: string,
  honoursKeys: boolean | null,
): SubmitUnknown {
  const message = `The answer to the request was lost (${cause.message}). The server may have accepted and charged it.`;
  const nextStep = honoursKeys
    ? `Send the same request again with the idempotencyKey ${key}: it creates no second video.`
    : "Look at the list and the bill of the server before you send the request again.";
  const explanation = makeExplanation({
    kind: "timeout",
    stage: "admission",
    charged: "unknown",
    retry: "never",
    nextStep,
    message,
    code: "submit_unknown",
  });
  return new SubmitUnknown(message, { explanation, cause }, candidates, key);
}
