/** A video as a server reports it, with the statuses of all known servers mapped to OpenAI's four. */

import type { components } from "./api_types.js";
import { explainFailure, readCharge } from "./error_meanings.js";
import { loadTable } from "./error_rules.js";
import { InvalidResponse } from "./errors.js";
import type { Charged, Explanation, Retry } from "./explanation.js";
import { asObject, isObject, readNumber, readText } from "./json.js";

export type Status = "queued" | "in_progress" | "completed" | "failed";
/** The fields of a video that a server may send. Only a Safelight gateway sends all of them. */
export type VideoObject = Partial<components["schemas"]["Video"]> & Readonly<Record<string, unknown>>;

const STATUSES: ReadonlyMap<string, Status> = new Map([
  ["queued", "queued"],
  ["running", "in_progress"],
  ["done", "completed"],
  ["failed", "failed"],
]);

/** One video. A failed one explains itself: `.stage`, `.charged`, `.retry`, `.nextStep`. */
export interface Video {
  readonly id: string;
  readonly status: Status;
  /** The status word of the server. */
  readonly serverStatus: string;
  readonly progress: number;
  readonly model: string;
  readonly prompt: string;
  readonly seconds: string;
  readonly size: string;
  /** Seconds since 1970; null if the server does not state it. */
  readonly createdAt: number | null;
  /** What the server states about the charge; `unknown` if it states nothing. */
  readonly charged: Charged;
  /** Amount of the charge in `currency`, if stated. */
  readonly amount: number | null;
  readonly currency: string;
  /** Hash of the delivered file; empty if the server does not state it. */
  readonly sha256: string;
  /** Waits for the decision of a reviewer. */
  readonly isHeld: boolean;
  readonly hasEnded: boolean;
  /** Why a failed video failed; null for others. */
  readonly explanation: Explanation | null;
  readonly stage: string;
  readonly retry: Retry;
  readonly nextStep: string;
  /** The whole object as received. */
  readonly raw: VideoObject;
}

/** One page of the list of videos. */
export interface Page {
  readonly videos: readonly Video[];
  readonly hasMore: boolean;
}

/** Whether a video was cancelled, and what happens otherwise. */
export interface Cancellation {
  readonly cancelled: boolean;
  readonly message: string;
}

/**
 * The video in a response body. Throws `InvalidResponse` if it is none.
 *
 * An unknown status counts as in progress, so that the deadline decides. `completed` with an error counts as
 * failed.
 */
export function readVideo(body: unknown, headers: Headers = new Headers()): Video {
  if (!isObject(body) || typeof body["id"] !== "string" || !body["id"]) {
    throw new InvalidResponse("The response is not a video: it has no id.");
  }
  const word = readText(body["status"]).toLowerCase().replace(/[- ]/g, "_");
  if (!word) throw new InvalidResponse("The response is not a video: it has no status.");
  const status = readStatus(body, word);
  const explanation = status === "failed" ? explainFailure(body, headers) : null;
  const hasEnded = status === "completed" || status === "failed";
  const charge = readCharge(body, headers, hasEnded);
  const ours = asObject(body["safelight"]);
  return Object.freeze({
    id: body["id"],
    status,
    serverStatus: word,
    progress: status === "completed" ? 100 : readPercent(body["progress"]),
    model: readText(body["model"]),
    prompt: readText(body["prompt"]),
    seconds: readText(body["seconds"]),
    size: readText(body["size"]),
    createdAt: readMoment(body["created_at"]),
    charged: explanation?.charged ?? charge.charged,
    amount: charge.amount,
    currency: charge.currency,
    sha256: readText(ours["sha256"]),
    isHeld: ours["state"] === "held",
    hasEnded,
    explanation,
    stage: explanation?.stage ?? "",
    retry: explanation?.retry ?? "unknown",
    nextStep: explanation?.nextStep ?? "",
    raw: body as VideoObject,
  });
}

function readStatus(body: Readonly<Record<string, unknown>>, word: string): Status {
  const known = STATUSES.get(loadTable().statuses.get(word) ?? "");
  const hasError = Boolean(body["error"]);
  if (known === undefined && !hasError && typeof body["completed_at"] === "number") {
    throw new InvalidResponse(`The video has ended with the unknown status '${word.slice(0, 40)}'.`);
  }
  return hasError && (known === "completed" || known === undefined) ? "failed" : (known ?? "in_progress");
}

function readPercent(value: unknown): number {
  return typeof value === "number" && value >= 0 && value <= 100 ? Math.round(value) : 0;
}

function readMoment(value: unknown): number | null {
  if (typeof value !== "string") return readNumber(value);
  const hasOffset = value.length <= 10 || /(?:z|[+-]\d{2}:?\d{2})$/i.test(value);
  // A time without an offset: servers mean UTC.
  const moment = /^\d{4}-\d{2}-\d{2}/.test(value) ? Date.parse(hasOffset ? value : `${value}Z`) : NaN;
  return Number.isNaN(moment) ? null : moment / 1000;
}
