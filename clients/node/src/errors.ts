/**
 * The one tree of errors. Each error explains itself: `.stage`, `.charged`, `.retry`, `.nextStep`.
 *
 * ClientError
 *     ConnectionFailed        no response: not connected, or the connection was lost
 *     InvalidResponse         the response is not what the Videos API returns, such as a log-in page
 *     ApiError                the server answered with an error
 *         ContentBlocked      a content filter refused the request; never sent again
 *         InvalidRequest      a field, the model or the id is wrong
 *         AccessDenied        the key is missing, unknown or lacks a permission
 *         TooManyRequests     a rate limit or a quota
 *         ServerFailed        the server has an internal error, or is not available
 *     SubmitUnknown           the answer to a create was lost; a job may exist and be charged
 *     VideoFailed             the video ended without a file
 *         VideoBlocked        a content filter refused it
 *     DeadlinePassed          the video was not finished before the deadline; it may go on
 *     VideoVanished           the server no longer knows the video
 *     DownloadFailed          the file could not be stored completely
 *         HashMismatch        the downloaded bytes are not those that the server announced
 *     SpendLimit              no model stays within the price limit; nothing more was sent
 *     SignatureInvalid        a webhook message has no valid signature
 */

import { type Charged, type Explanation, makeExplanation, type Retry } from "./explanation.js";
import type { Submission } from "./plan.js";
import type { Video } from "./video.js";

export interface ErrorDetails {
  readonly explanation: Explanation;
  readonly status?: number;
  readonly requestId?: string;
  readonly video?: Video | null;
  readonly cause?: unknown;
}

/** Base of all errors of this package. */
export class ClientError extends Error {
  explanation: Explanation;
  /** HTTP status of the response, if there was one. */
  readonly status: number | null;
  readonly requestId: string;
  /** The video that the error is about, as last seen. */
  readonly video: Video | null;
  /** The creates of the plan that ended with this error. */
  submissions: readonly Submission[] = [];

  constructor(message: string, details: ErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.explanation = details.explanation;
    this.status = details.status ?? null;
    this.requestId = details.requestId ?? "";
    this.video = details.video ?? null;
  }

  get stage(): string {
    return this.explanation.stage;
  }

  get charged(): Charged {
    return this.explanation.charged;
  }

  get retry(): Retry {
    return this.explanation.retry;
  }

  get nextStep(): string {
    return this.explanation.nextStep;
  }

  get afterS(): number | null {
    return this.explanation.afterS;
  }

  get code(): string {
    return this.explanation.code;
  }
}

/** There was no response. `sent`: whether the server may have received the request. */
export class ConnectionFailed extends ClientError {
  constructor(
    message: string,
    readonly sent: boolean,
    cause?: unknown,
  ) {
    const explanation = makeExplanation({
      kind: "transient",
      stage: "admission",
      charged: sent ? "unknown" : "no",
      retry: sent ? "unknown" : "same",
      nextStep: "Check the network and the address of the server, then try again.",
      message,
      code: "connection_failed",
    });
    super(message, { explanation, cause });
  }
}

/** The response is not what the Videos API returns. */
export class InvalidResponse extends ClientError {
  constructor(message: string) {
    const explanation = makeExplanation({
      kind: "transient",
      stage: "unknown",
      charged: "unknown",
      retry: "unknown",
      nextStep: "Check that the address is that of a Videos API, with `/v1` at its end.",
      message,
      code: "invalid_response",
    });
    super(message, { explanation });
  }
}

/** The server answered with an error. */
export class ApiError extends ClientError {}

/** A content filter refused the request. */
export class ContentBlocked extends ApiError {}

/** A field, the model or the id is wrong. */
export class InvalidRequest extends ApiError {}

/** The key is missing, unknown or lacks a permission. */
export class AccessDenied extends ApiError {}

/** A rate limit or a quota. */
export class TooManyRequests extends ApiError {}

/** The server has an internal error, or is not available. */
export class ServerFailed extends ApiError {}

/**
 * The answer to a create was lost. `candidates`: ids of videos that may be the result.
 *
 * `idempotencyKey`: the key that was sent. A server that honours keys may get the request with it again.
 */
export class SubmitUnknown extends ClientError {
  constructor(
    message: string,
    details: ErrorDetails,
    readonly candidates: readonly string[],
    readonly idempotencyKey: string,
  ) {
    super(message, details);
  }
}

/** The video ended without a file. */
export class VideoFailed extends ClientError {}

/** A content filter refused the video. */
export class VideoBlocked extends VideoFailed {}

/** The video was not finished before the deadline. `unchangedS`: how long nothing about it changed. */
export class DeadlinePassed extends ClientError {
  constructor(
    message: string,
    details: ErrorDetails,
    readonly unchangedS: number,
  ) {
    super(message, details);
  }
}

/** The server no longer knows the video. */
export class VideoVanished extends ClientError {}

/** The file could not be stored completely. */
export class DownloadFailed extends ClientError {}

/** The downloaded bytes are not those that the server announced. They were removed. */
export class HashMismatch extends DownloadFailed {}

/** No model stays within the price limit. Nothing more was sent. */
export class SpendLimit extends ClientError {}

/** A webhook message has no valid signature. */
export class SignatureInvalid extends ClientError {}
