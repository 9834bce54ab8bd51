/** Downloads a file, resumes after an interruption, and keeps it only if its hash is right. */

import { createHash } from "node:crypto";
import { type FileHandle, open, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";

import { ApiError, type ClientError, ConnectionFailed, DownloadFailed, HashMismatch } from "./errors.js";
import { type Explanation, makeExplanation } from "./explanation.js";
import { isObject } from "./json.js";
import { makeApiError, makeVideoFailed, unsettleError } from "./responses.js";
import type { Session } from "./session.js";
import type { Answer, Sink } from "./transport.js";
import type { Video } from "./video.js";

export type Variant = "video" | "thumbnail" | "spritesheet";

/** A complete file. `isVerified`: its hash is the one that the server announced. */
export interface Download {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly isVerified: boolean;
}

/** What is downloaded, and where its bytes so far are. */
interface Job {
  readonly video: Video;
  readonly variant: Variant;
  readonly part: string;
  readonly etagFile: string;
}

const AGAIN = "Download it again; it continues where it stopped.";
const FROM_BEGINNING = "Download it again; it starts from the beginning.";

/** The response does not continue the bytes so far. */
class PartMismatch extends Error {}

/**
 * Stores the file of a delivered video under `path`, atomically.
 *
 * The bytes so far are in `PATH.part`, and their ETag in `PATH.part.etag`; a later call resumes there.
 * Throws `VideoFailed`, `ApiError`, `DownloadFailed` or `HashMismatch`.
 */
export async function download(session: Session, video: Video, path: string, variant: Variant): Promise<Download> {
  if (video.status === "failed") throw makeVideoFailed(video);
  const job = { video, variant, part: `${path}.part`, etagFile: `${path}.part.etag` };
  try {
    const answer = await fetchAll(session, job);
    const sha256 = await hashFile(job.part);
    const wanted = findAnnouncedHash(job, answer);
    if (wanted && sha256 !== wanted) {
      await removePart(job);
      const message = `The downloaded bytes have the hash ${sha256}, the server announced ${wanted}.`;
      throw new HashMismatch(message, { explanation: explain(message, "Download it again."), video });
    }
    await rm(job.etagFile, { force: true });
    if (!wanted) await checkKind(job, `${path}.unknown`);
    await rename(job.part, path);
    return { path, size: (await stat(path)).size, sha256, isVerified: wanted !== "" };
  } catch (error) {
    throw error instanceof Error && "syscall" in error ? failToWrite(error, video) : error;
  }
}

async function fetchAll(session: Session, job: Job): Promise<Answer> {
  let furthest = await sizeOf(job.part);
  for (let failures = 0; ; ) {
    const before = await sizeOf(job.part);
    let problem: ClientError;
    try {
      const answer = await fetchRest(session, job);
      if (!answer.isOk) throw unsettleError(makeApiError(answer));
      const size = await sizeOf(job.part);
      const { total } = readRange(answer);
      if (answer.status !== 206 || total === null || size >= total) return answer;
      if (size > before) continue; // The server sends less at once than was asked for.
      problem = failDownload(`The server sent ${size} bytes of ${total}.`, job.video);
    } catch (error) {
      if (error instanceof ConnectionFailed) problem = failDownload(error.message, job.video, { cause: error });
      else if (error instanceof PartMismatch) {
        await truncate(job.part, 0);
        problem = failDownload(error.message, job.video, { nextStep: FROM_BEGINNING, cause: error });
      } else if (error instanceof ApiError) problem = error;
      else throw error;
    }
    const status = problem.status ?? 500;
    const again = [408, 416, 425, 429].includes(status) || status >= 500;
    const size = await sizeOf(job.part);
    if (!again || status === 416 || size === 0) await removePart(job);
    // Tries are counted from the last progress on.
    failures = size > furthest ? 1 : failures + 1;
    furthest = Math.max(furthest, size);
    const delayS = session.retries.delayS(failures, problem.afterS);
    if (!again || failures >= session.retries.attempts || delayS > session.retries.maxRetryAfterS) throw problem;
    await session.pause(delayS);
  }
}

/** One request for what is missing of the file. */
async function fetchRest(session: Session, job: Job): Promise<Answer> {
  const etag = (await sizeOf(job.part)) > 0 ? await readEtag(job.etagFile) : "";
  const file = await open(job.part, etag ? "a" : "w");
  try {
    const offset = (await file.stat()).size;
    const headers: Record<string, string> = etag && offset > 0 ? { range: `bytes=${offset}-`, "if-range": etag } : {};
    const query: Record<string, string> = job.variant === "video" ? {} : { variant: job.variant };
    const path = `/videos/${encodeURIComponent(job.video.id)}/content`;
    return await session.transport.download({ method: "GET", path, query, headers }, new PartFile(file, { offset, etag }, job));
  } finally {
    await file.close();
  }
}

/** The bytes so far of one download: their number, and the ETag of the file to which they belong. */
class PartFile implements Sink {
  constructor(
    readonly file: FileHandle,
    readonly known: { readonly offset: number; readonly etag: string },
    readonly job: Job,
  ) {}

  /** Starts again unless the response continues exactly at the end of the file. */
  async begin(answer: Answer): Promise<void> {
    const etag = answer.headers.get("etag") ?? "";
    if (answer.status === 206) {
      if (readRange(answer).start !== this.known.offset) {
        throw new PartMismatch("The server sent another part of the file than was requested.");
      }
      if (this.known.offset > 0) {
        if (etag && etag.replace(/^W\//, "") !== this.known.etag) {
          throw new PartMismatch("The file on the server has changed since the download began.");
        }
        return;
      }
    }
    await this.file.truncate(0);
    if (etag.startsWith('"')) await writeFile(this.job.etagFile, etag, "latin1");
    else await rm(this.job.etagFile, { force: true });
  }

  async write(data: Uint8Array): Promise<void> {
    await this.file.appendFile(data);
  }
}

/** Where the part in a response with status 206 begins, and the size of the whole file. */
function readRange(answer: Answer): { start: number | null; total: number | null } {
  const range = answer.headers.get("content-range") ?? "";
  const found = /^bytes (\d{1,15})-\d+\/(?:(\d{1,15})\b)?/.exec(range);
  if (found === null) return { start: null, total: null };
  return { start: Number(found[1]), total: found[2] === undefined ? null : Number(found[2]) };
}

/** The hash that the server announced: in the video object, or as the ETag of a file of our gateway. */
function findAnnouncedHash(job: Job, answer: Answer): string {
  if (job.variant === "video" && job.video.sha256) return job.video.sha256;
  // The ETag of another server may look like a SHA-256 and be something else.
  if (!isObject(job.video.raw.safelight)) return "";
  return /^"?([0-9a-f]{64})"?$/.exec(answer.headers.get("etag") ?? "")?.[1] ?? "";
}

/** Throws `DownloadFailed` if the bytes are not a video at all: MP4 or WebM. They are then kept as `kept`. */
async function checkKind(job: Job, kept: string): Promise<void> {
  const file = await open(job.part);
  const head = Buffer.alloc(12);
  const { bytesRead } = await file.read(head).finally(() => file.close());
  const isVideo = head.subarray(4, 8).equals(Buffer.from("ftyp")) || head.readUInt32BE() === 0x1a45dfa3;
  if (bytesRead > 0 && (job.variant !== "video" || isVideo)) return;
  let message = "The server reports the video as completed, but its content is not a video.";
  if (bytesRead > 0) {
    await rename(job.part, kept);
    message += ` It is kept in ${kept}.`;
  } else {
    await removePart(job);
  }
  const nextStep = "Ask the operator of the server. Do not create the video again before you know its charge.";
  throw new DownloadFailed(message, { explanation: explain(message, nextStep), video: job.video });
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await open(path);
  for await (const piece of file.createReadStream()) hash.update(piece as Buffer);
  return hash.digest("hex");
}

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(ignoreMissing))?.size ?? 0;
}

async function readEtag(path: string): Promise<string> {
  return (await readFile(path, "latin1").catch(ignoreMissing)) ?? "";
}

function ignoreMissing(error: NodeJS.ErrnoException): null {
  if (error.code === "ENOENT") return null;
  throw error;
}

async function removePart(job: Job): Promise<void> {
  await rm(job.part, { force: true });
  await rm(job.etagFile, { force: true });
}

function failToWrite(error: Error, video: Video): DownloadFailed {
  const message = `The file could not be written: ${error.message}.`;
  const nextStep = "Free space or choose another folder, then download it again; it continues where it stopped.";
  return new DownloadFailed(message, { explanation: explain(message, nextStep), video, cause: error });
}

function failDownload(
  message: string,
  video: Video,
  { nextStep = AGAIN, cause }: { readonly nextStep?: string; readonly cause?: unknown } = {},
): DownloadFailed {
  return new DownloadFailed(message, { explanation: explain(message, nextStep), video, cause });
}

function explain(message: string, nextStep: string): Explanation {
  return makeExplanation({
    kind: "transient",
    stage: "delivery",
    charged: "unknown",
    retry: "same",
    nextStep,
    message,
    code: "download_failed",
  });
}
