/** Lists, deletes and cancels videos. */

import { ApiError, ConnectionFailed } from "./errors.js";
import { makeApiError, readPage, unsettleError } from "./responses.js";
import type { Session } from "./session.js";
import type { Answer } from "./transport.js";
import type { Cancellation, Page } from "./video.js";
import { read, retrieve } from "./waiting.js";

export interface ListOptions {
  /** The page begins after this video. */
  readonly after?: string;
  readonly limit?: number;
  readonly order?: "asc" | "desc";
}

/** One page of the list. */
export async function listPage(session: Session, options: ListOptions): Promise<Page> {
  const query: Record<string, string> = { limit: String(options.limit ?? 20), order: options.order ?? "desc" };
  if (options.after) query["after"] = options.after;
  return readPage(await read(session, { method: "GET", path: "/videos", query }));
}

/** Deletes a video and its files. Succeeds if the server no longer knows it after a lost answer. */
export async function deleteVideo(session: Session, videoId: string): Promise<void> {
  for (let failures = 0; ; ) {
    let answer: Answer;
    try {
      answer = await session.transport.send({ method: "DELETE", path: `/videos/${encodeURIComponent(videoId)}` });
    } catch (error) {
      failures++;
      if (!(error instanceof ConnectionFailed) || failures >= session.retries.attempts) throw error;
      await session.pause(session.retries.delayS(failures));
      continue;
    }
    if (answer.isOk || (failures > 0 && answer.status === 404)) return;
    throw unsettleError(makeApiError(answer));
  }
}

/**
 * Cancels an unfinished video where the server offers it: by DELETE, as vLLM-Omni documents.
 *
 * A finished video is left alone, unless it finishes between the two requests.
 */
export async function cancelVideo(session: Session, videoId: string): Promise<Cancellation> {
  const video = await retrieve(session, videoId);
  if (video.hasEnded) return { cancelled: false, message: `The video has already ended: ${video.status}.` };
  try {
    await deleteVideo(session, videoId);
  } catch (error) {
    if (!(error instanceof ApiError) || ![400, 404, 405, 409, 501].includes(error.status ?? 0)) throw error;
    const message = `The server does not cancel it: ${error.message} The video goes on and may be charged.`;
    return { cancelled: false, message };
  }
  return { cancelled: true, message: "The server deleted it. Whether it was charged is unknown." };
}
