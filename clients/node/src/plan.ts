/** From a prompt to a finished video within a price limit: drafts, retries, and several models. */

import { Aborted } from "./abort.js";
import {
  AccessDenied,
  ApiError,
  ClientError,
  ConnectionFailed,
  SpendLimit,
  VideoBlocked,
  VideoFailed,
} from "./errors.js";
import type { Charged } from "./explanation.js";
import type { Fields } from "./form.js";
import { isObject, readText } from "./json.js";
import { Ledger } from "./ledger.js";
import { makeVideoFailed } from "./responses.js";
import type { Session } from "./session.js";
import { submit } from "./submission.js";
import type { Video } from "./video.js";
import { watch } from "./waiting.js";

const CREATE_DEADLINE_S = 300;

/** A model, and its price if the server does not state it. */
export interface ModelChoice {
  readonly model: string;
  readonly usdPerSecond?: number;
}

/** What is made first. The video follows only if the draft was delivered. */
export interface Draft {
  /** For example `storyboard`, which is free. Without it: the first model of the plan. */
  readonly model?: string;
  /** Without it: the shortest length that the server lists for the model. */
  readonly seconds?: string;
}

/** How a video is made. */
export interface Plan {
  /** Tried in this order. After a block no other model is tried. Without it: the model of the request. */
  readonly models?: readonly ModelChoice[];
  /**
   * Limit of the whole plan. The highest possible price is reserved before each create. A model without a
   * known price is then left out.
   */
  readonly maxUsd?: number;
  readonly draft?: Draft;
  /** Submissions to one model, after failures that are known to cost nothing: 3. */
  readonly maxSubmissions?: number;
  /** Longest wait for one video in seconds: 1800. */
  readonly deadlineS?: number;
}

/** One create of a plan, and what came of it. */
export interface Submission {
  readonly model: string;
  readonly videoId: string;
  /** `completed`, or the code or kind of the error. */
  readonly outcome: string;
  readonly charged: Charged;
  /** What it costs at most; null if no price is known. */
  readonly worstUsd: number | null;
}

/** A completed video, and all submissions that led to it. */
export interface Generated {
  readonly video: Video;
  readonly submissions: readonly Submission[];
}

/** Makes a video as planned. An error has the `submissions` so far. */
export async function generate(session: Session, fields: Fields, plan: Plan): Promise<Generated> {
  if ((plan.maxSubmissions ?? 1) < 1) throw new RangeError("maxSubmissions must be 1 or more");
  if ((plan.maxSubmissions ?? 3) > 1 && asksForRetry(fields)) {
    throw new TypeError(
      "safelight.retry cannot be used here, because generate makes retries of its own: " +
        "a video could be made and paid twice. Leave it out, or set maxSubmissions to 1",
    );
  }
  await session.learnServer();
  const ledger = new Ledger(session, plan);
  const given = plan.models ?? [];
  const choices = given.length > 0 ? given : [{ model: readText(fields["model"]) }];
  try {
    if (plan.draft !== undefined) await makeDraft(session, fields, plan.draft, choices, ledger);
    const video = await tryModels(session, fields, choices, ledger);
    return { video, submissions: ledger.submissions };
  } catch (error) {
    if (error instanceof ClientError || error instanceof Aborted) error.submissions = ledger.submissions;
    throw error;
  }
}

async function makeDraft(
  session: Session,
  fields: Fields,
  draft: Draft,
  choices: readonly ModelChoice[],
  ledger: Ledger,
): Promise<void> {
  const named = draft.model ? { model: draft.model } : choices[0];
  const choice = choices.find((one) => one.model === draft.model) ?? named ?? { model: "" };
  const seconds = draft.seconds || ledger.shortest(choice.model);
  ledger.checkDraft(choice, seconds, choices, fields["seconds"]);
  await make(session, { ...fields, seconds }, choice, ledger);
}

async function tryModels(
  session: Session,
  fields: Fields,
  choices: readonly ModelChoice[],
  ledger: Ledger,
): Promise<Video> {
  let last: ClientError | null = null;
  for (const choice of choices) {
    try {
      return await make(session, fields, choice, ledger);
    } catch (error) {
      if (error instanceof SpendLimit) {
        last ??= error;
        continue;
      }
      // Never another provider after a block, nor while something may have been paid.
      const isKnown = (error instanceof ApiError || error instanceof VideoFailed) && !(error instanceof AccessDenied);
      if (!isKnown || error.explanation.isBlock || error.charged !== "no") throw error;
      last = error;
    }
  }
  throw last;
}

/** A completed video of one model. Throws the error of the last submission. */
async function make(session: Session, fields: Fields, choice: ModelChoice, ledger: Ledger): Promise<Video> {
  const { maxSubmissions = 3, deadlineS = 1800 } = ledger.plan;
  let request: Fields = choice.model ? { ...fields, model: choice.model } : fields;
  let wasDoubtful = false;
  for (let number = 1; ; number++) {
    const worst = ledger.reserve(choice, request["seconds"]);
    let video: Video | null = null;
    let problem: ClientError;
    try {
      video = await submit(session, request, undefined, CREATE_DEADLINE_S);
      for await (const latest of watch(session, video, deadlineS)) video = latest;
      if (video.status === "failed") throw makeVideoFailed(video);
      ledger.settle(choice, worst, video, null);
      return video;
    } catch (error) {
      ledger.settle(choice, worst, video, error);
      if (!(error instanceof ClientError)) throw error;
      problem = error;
    }
    const blocked = problem.explanation.isBlock;
    const delayS = session.retries.delayS(number, problem.afterS);
    // After a block by a provider, or a failure without a reason, one more try at most.
    const isDoubtful = blocked || problem.retry === "unknown";
    const again = (blocked ? mayPass(problem) : mayRepeat(problem)) && !(isDoubtful && wasDoubtful);
    if (!again || number >= maxSubmissions || delayS > session.retries.maxRetryAfterS) throw problem;
    wasDoubtful ||= isDoubtful;
    const seed = readText(request["seed"]);
    if (blocked && /^\d+$/.test(seed)) request = { ...request, seed: Number(seed) + 1 };
    await session.pause(delayS);
  }
}

/** Whether one more try can pass the filter of a provider. Generation is random; our own policy is not. */
function mayPass(error: ClientError): boolean {
  return (
    error instanceof VideoBlocked &&
    error.explanation.byProvider &&
    error.stage === "output" &&
    ["same", "new_seed"].includes(error.retry) &&
    error.charged !== "yes"
  );
}

/** Whether a new request may help, and the last one is known to have cost nothing. */
function mayRepeat(error: ClientError): boolean {
  const isKnown = error instanceof ApiError || error instanceof VideoFailed || error instanceof ConnectionFailed;
  return isKnown && ["same", "unknown"].includes(error.retry) && error.charged === "no";
}

/** Whether a request asks the gateway for a retry after a block by the provider. */
function asksForRetry(fields: Fields): boolean {
  const given: unknown = fields["safelight"];
  if (isObject(given) && given["retry"]) return true;
  return Object.keys(fields).some((name) => name.startsWith("safelight[retry]"));
}
