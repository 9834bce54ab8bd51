/** Turns responses into videos, pages and errors. */

import { explainResponse } from "./error_meanings.js";
import {
  AccessDenied,
  ApiError,
  ContentBlocked,
  InvalidRequest,
  InvalidResponse,
  ServerFailed,
  TooManyRequests,
  VideoBlocked,
  VideoFailed,
} from "./errors.js";
import { type Explanation, unsettle } from "./explanation.js";
import { isObject } from "./json.js";
import type { Answer } from "./transport.js";
import { type Page, readVideo, type Video } from "./video.js";

/** The video in the response to a create. Without a status it is queued. */
export function readCreated(answer: Answer): Video {
  refuseError(answer);
  const body = answer.json();
  return readVideo(isObject(body) && !body["status"] ? { ...body, status: "queued" } : body, answer.headers);
}

/** The video in a response. Throws `ApiError` or `InvalidResponse`. */
export function readVideoOf(answer: Answer): Video {
  try {
    refuseError(answer);
  } catch (error) {
    throw error instanceof ApiError ? unsettleError(error) : error;
  }
  return readVideo(answer.json(), answer.headers);
}

/** Throws `ApiError` if the response is an error. Some servers send one with status 200. */
function refuseError(answer: Answer): void {
  const body = answer.isOk ? answer.json() : null;
  const isError = isObject(body) && !("id" in body) && Boolean(body["error"]);
  if (!answer.isOk || isError) throw makeApiError(answer);
}

/** The error of a request about a video that exists: it says nothing about the charge of the video. */
export function unsettleError(error: ApiError): ApiError {
  error.explanation = unsettle(error.explanation);
  return error;
}

/** A page of the list, without rows that are not videos. Throws `ApiError` or `InvalidResponse`. */
export function readPage(answer: Answer): Page {
  if (!answer.isOk) throw makeApiError(answer);
  const body = answer.json();
  if (!isObject(body) || !Array.isArray(body["data"])) {
    throw new InvalidResponse("The response is not a list of videos.");
  }
  return { videos: [...readRows(body["data"])], hasMore: body["has_more"] === true };
}

function* readRows(rows: readonly unknown[]): Generator<Video> {
  for (const row of rows) {
    try {
      yield readVideo(row);
    } catch (error) {
      if (!(error instanceof InvalidResponse)) throw error;
    }
  }
}

/** The error that a response is. A block is one whatever the status. */
export function makeApiError(answer: Answer): ApiError {
  const explanation = explainResponse(answer.json() ?? answer.text.slice(0, 2000), answer.status, answer.headers);
  const message = explanation.message || `The server answered with status ${answer.status}.`;
  const requestId = answer.headers.get("x-request-id") ?? "";
  return new (findClass(explanation, answer.status))(message, { explanation, status: answer.status, requestId });
}

function findClass(explanation: Explanation, status: number): typeof ApiError {
  switch (explanation.kind) {
    case "content_block":
      return ContentBlocked;
    case "rate_limit":
    case "quota":
      return TooManyRequests;
    case "auth":
      return AccessDenied;
    case "invalid_request":
      return InvalidRequest;
    default:
      return status >= 500 ? ServerFailed : status === 429 ? TooManyRequests : ApiError;
  }
}

/** The error that a failed video is. */
export function makeVideoFailed(video: Video): VideoFailed {
  const explanation = video.explanation;
  if (explanation === null) throw new TypeError("the video has not failed");
  const message = explanation.message || `The server reports '${video.serverStatus}' without a reason.`;
  return new (explanation.isBlock ? VideoBlocked : VideoFailed)(message, { explanation, video });
}
