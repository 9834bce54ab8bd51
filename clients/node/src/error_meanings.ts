/** Explains errors: those of this package, of the `openai` SDK, and bodies of responses. */

import { AGAIN, CHARGED, findGravest, loadTable, type Reading, readError, RETRIES, UNKNOWN } from "./error_rules.js";
import { ClientError } from "./errors.js";
import {
  type Charged,
  type Explanation,
  type Kind,
  makeExplanation,
  NEXT_STEPS,
  type Retry,
} from "./explanation.js";
import { asObject, isObject, type JsonObject, readNumber, readText } from "./json.js";
import { readVideo } from "./video.js";

/** Kinds of errors that a server returns before it calls a generator. */
const UNSPENT: readonly Kind[] = ["rate_limit", "quota", "auth", "invalid_request"];
/** Codes of Safelight for a request that changed nothing although the server is not available. */
const UNCHANGED: readonly string[] = ["unavailable", "storage_full", "not_covered"];
/** Code of Safelight while the first request with an idempotency key runs. */
const IN_USE = "idempotency_key_in_use";
/** Fields of a video that repeat the request. Their words are not those of the server. */
const REQUESTED = new Set(["id", "model", "prompt", "metadata", "user", "safelight", "usage"]);
const LOST = "The answer was lost. Look at the list and the bill of the server before you send the request again.";
const STEPS_OF_CODES = new Map([
  ["submit_unknown", LOST],
  [IN_USE, "Wait, then send the same request with the same Idempotency-Key: it returns the same video."],
]);

/**
 * The meaning of an error or a video; null for a video that did not fail.
 *
 * Takes errors and videos of this package, errors and videos of the `openai` SDK, and the JSON body of an
 * error response or a video.
 */
export function explain(subject: unknown): Explanation | null {
  if (subject instanceof ClientError) return subject.explanation;
  if (subject instanceof Error) return explainSdkError(subject);
  if (!isObject(subject)) throw new TypeError(`cannot explain ${subject === null ? "null" : typeof subject}`);
  if ("serverStatus" in subject) return subject["explanation"] as Explanation | null;
  if ("status" in subject && "id" in subject) return readVideo(subject).explanation;
  return explainResponse(subject, null, new Headers());
}

/**
 * Errors of the SDK have `status`, `headers` and `error`: the object `error` of the body. They do not state
 * their request, so they are explained as those of a create.
 */
function explainSdkError(error: Error): Explanation {
  const given = error as Error & { status?: unknown; headers?: unknown; error?: unknown };
  if (typeof given.status === "number") {
    const headers = given.headers instanceof Headers ? given.headers : new Headers();
    return explainResponse({ error: given.error ?? error.message }, given.status, headers);
  }
  const timedOut = error.constructor.name === "APIConnectionTimeoutError";
  const isLost = timedOut || error.constructor.name === "APIConnectionError";
  return makeExplanation({
    kind: timedOut ? "timeout" : isLost ? "transient" : "unknown",
    stage: "unknown",
    charged: "unknown",
    retry: "unknown",
    nextStep: isLost ? LOST : NEXT_STEPS.unknown,
    message: error.message,
  });
}

/** The meaning of an error response to a request. */
export function explainResponse(body: unknown, status: number | null, headers: Headers): Explanation {
  const error = asObject(asObject(body)["error"]);
  const own = "request_id" in asObject(error["safelight"]);
  return explainBody(body, error, { status, headers, own, charge: null });
}

/** The meaning of a failed video. */
export function explainFailure(video: JsonObject, headers: Headers): Explanation {
  const body = Object.fromEntries(Object.entries(video).filter(([name]) => !REQUESTED.has(name)));
  const own = "state" in asObject(video["safelight"]);
  const charge = readCharge(video, headers, true).charged;
  return explainBody(body, asObject(video["error"]), { status: null, headers: new Headers(), own, charge });
}

interface Circumstances {
  readonly status: number | null;
  readonly headers: Headers;
  /** Whether a Safelight gateway sent it. */
  readonly own: boolean;
  /** What a failed video states about its charge; null for a response. */
  readonly charge: Charged | null;
}

function explainBody(body: unknown, error: JsonObject, circumstances: Circumstances): Explanation {
  const { status, headers, own, charge } = circumstances;
  const ended = charge !== null;
  const details = asObject(error["moderation_details"]);
  const code = readText(error["code"]);
  const found = own ? readOwn(code, details) : readError(body, status, headers);
  const { kind } = found;
  let { stage, retry } = found;
  let charged = own ? found.charged : readKnownCharge(found, ended);
  const stated = isObject(details["charged"]) ? details["charged"]["charged"] : details["charged"];
  if (CHARGED.includes(stated)) charged = stated as Charged;
  if (charge === "yes" || charge === "no") charged = charge;
  const how = isObject(details["retry"]) ? details["retry"]["action"] : details["retry"];
  const afterS = readNumber(asObject(details["retry"])["after_s"]);
  if (RETRIES.includes(how)) retry = how as Retry;
  if (retry === "same" && charged !== "no" && !(own && (how === "same" || code === IN_USE))) retry = "unknown";
  if (code === "submit_unknown") {
    retry = "never";
  } else if (own && headers.get("x-should-retry") === "false" && retry === "same" && !headers.get("retry-after")) {
    // Safelight retries what helps at once; after a quota or a limit `after_s` states when to send again.
    retry = "never";
  }
  if (stage === "unknown" && kind !== "content_block" && kind !== "unknown") stage = ended ? "generation" : "admission";
  return makeExplanation({
    kind,
    stage,
    charged,
    retry,
    nextStep: readText(details["next_step"]) || (STEPS_OF_CODES.get(code) ?? NEXT_STEPS[kind]),
    afterS: afterS ?? readRetryAfter(headers) ?? (found.isDelayStated ? found.afterS : null),
    message: readMessage(body, ended).slice(0, 2000),
    code,
    byProvider: !own || details["source"] === "provider",
    provider: found.provider,
    category: found.category,
  });
}

/** The meaning of an error of a Safelight gateway. */
function readOwn(code: string, details: JsonObject): Reading {
  let kind = loadTable().codes.get(code) ?? "unknown";
  // A required check was not available. The content itself was not refused.
  const wasUnchecked = isFilled(details["not_checked"]) && !isFilled(details["categories"]);
  if (kind === "content_block" && wasUnchecked) kind = "transient";
  const stage = readText(details["stage"]) || readSide(details) || "unknown";
  const isFree = UNSPENT.includes(kind) || UNCHANGED.includes(code) || code === "sentinel_block";
  const retry = kind === "content_block" ? "change_prompt" : (AGAIN[kind] ?? "unknown");
  const named = Array.isArray(details["categories"]) ? details["categories"] : [];
  const names = named.filter((name): name is string => typeof name === "string");
  const provider = details["source"] === "provider" ? readText(details["provider"]) : "";
  const category = findGravest(names) || readText(details["group"]) || "unknown";
  return { ...UNKNOWN, provider, kind, stage, category, charged: isFree ? "no" : "unknown", retry };
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/** The charge as far as it does not depend on the prices of one provider: the server may be a reseller. */
function readKnownCharge(found: Reading, ended: boolean): Charged {
  if (found.isChargeStated || found.charged === "unknown") return found.charged;
  if (found.kind === "content_block") {
    return found.charged === "yes" || found.stage === "input" ? found.charged : "unknown";
  }
  // An ended job was accepted, and then failed: that is no refused request.
  const isNotTaken = found.kind === "transient" && found.notTaken && found.retry !== "never";
  const isRefused = UNSPENT.includes(found.kind) || isNotTaken;
  return found.charged === "no" && isRefused && !ended ? "no" : "unknown";
}

function readSide(details: unknown): string {
  const side = asObject(details)["moderation_stage"];
  return side === "input" || side === "output" ? side : "";
}

/** The message in an error body of OpenAI's or FastAPI's form, or the whole as text; none of a video. */
function readMessage(body: unknown, ended: boolean): string {
  const whole = asObject(body);
  for (const part of [whole["error"], whole["detail"], whole["message"]]) {
    const first: unknown = Array.isArray(part) ? part[0] : part;
    if (typeof part === "string") return part;
    const found = [asObject(first)["message"], asObject(first)["msg"]].find((text) => typeof text === "string");
    if (found !== undefined) return found as string;
  }
  if (ended || !body || Object.keys(body).length === 0) return "";
  try {
    return typeof body === "string" ? body : JSON.stringify(body);
  } catch {
    return ""; // Nested too deeply.
  }
}

export interface Charge {
  readonly charged: Charged;
  readonly amount: number | null;
  readonly currency: string;
}

/**
 * The charge as the response states it: Safelight's, `usage.cost`, a header.
 *
 * A cost of 0 means that nothing was charged only once the video has ended.
 */
export function readCharge(video: JsonObject, headers: Headers, ended: boolean): Charge {
  const charge = asObject(asObject(video["safelight"])["charge"]);
  if (CHARGED.includes(charge["charged"])) {
    const charged = charge["charged"] as Charged;
    return { charged, amount: readNumber(charge["amount"]), currency: readCurrency(charge) };
  }
  for (const table of [asObject(video["usage"]), video]) {
    for (const name of ["cost", "total_cost", "cost_usd"]) {
      const amount = readNumber(table[name]);
      const taken = amount !== null && amount > 0 && table["refunded"] !== true;
      if (amount !== null && (taken || ended)) {
        return { charged: taken ? "yes" : "no", amount: taken ? amount : 0, currency: readCurrency(table) };
      }
    }
  }
  const amount = readNumber(headers.get("x-litellm-response-cost"));
  return amount ? { charged: "yes", amount, currency: "USD" } : { charged: "unknown", amount: null, currency: "" };
}

function readCurrency(table: JsonObject): string {
  const currency = table["currency"];
  return typeof currency === "string" && currency.length === 3 ? currency.toUpperCase() : "USD";
}

/** Seconds in `retry-after-ms` or `retry-after`; null if neither is usable. */
export function readRetryAfter(headers: Headers): number | null {
  const milliseconds = readNumber(headers.get("retry-after-ms"));
  if (milliseconds !== null) return milliseconds / 1000;
  const text = headers.get("retry-after") ?? "";
  const seconds = readNumber(text);
  if (seconds !== null) return seconds;
  const moment = /[a-z]/i.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(moment) ? null : Math.max(0, (moment - Date.now()) / 1000);
}
