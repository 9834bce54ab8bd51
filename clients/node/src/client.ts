/** The client. */

import type { paths } from "./api_types.js";
import { type Download, download, type Variant } from "./download.js";
import type { Fields, FieldValue } from "./form.js";
import { cancelVideo, deleteVideo, type ListOptions, listPage } from "./management.js";
import { generate, type Generated, type Plan } from "./plan.js";
import { RetryPolicy } from "./retry_policy.js";
import { Session } from "./session.js";
import { submit } from "./submission.js";
import { Transport } from "./transport.js";
import type { Cancellation, Page, Video } from "./video.js";
import { retrieve, watch } from "./waiting.js";

/** Longest time for a create with its retries, and for a video. */
const CREATE_DEADLINE_S = 300;
const VIDEO_DEADLINE_S = 1800;

type Requested = paths["/v1/videos"]["post"]["requestBody"]["content"]["multipart/form-data"];

/** The fields of a request besides the prompt. A server may know more of them than our gateway. */
export type CreateFields = Partial<Pick<Requested, "model" | "seconds" | "size" | "safety_identifier" | "metadata">> & {
  readonly [name: string]: FieldValue;
};

export interface ClientOptions {
  /**
   * Whether the server recognizes a repeated `Idempotency-Key`. Without it the client asks the server: a
   * Safelight gateway does, any other counts as not. A wrong `true` can be charged twice.
   */
  readonly honoursKeys?: boolean;
  readonly retries?: RetryPolicy;
  /** Longest silence of the server: 60 s. */
  readonly timeoutS?: number;
}

/** Options of every call. */
export interface CallOptions {
  /** Ends the call with `Aborted`. What was created goes on at the server. */
  readonly signal?: AbortSignal;
}

export interface CreateOptions extends CallOptions {
  readonly idempotencyKey?: string;
  readonly deadlineS?: number;
}

export interface WaitOptions extends CallOptions {
  readonly deadlineS?: number;
  readonly onProgress?: (video: Video) => unknown;
}

/**
 * A client of any server with OpenAI's `/v1/videos`.
 *
 *     const client = new Client("http://127.0.0.1:8000/v1", "sk-...");
 *     const video = await client.wait(await client.create("A tram at dusk", { seconds: "4" }));
 *     await client.download(video, "tram.mp4");
 */
export class Client {
  readonly session: Session;

  constructor(baseUrl: string, apiKey = "", options: ClientOptions = {}) {
    const transport = new Transport(baseUrl, apiKey, options.timeoutS ?? 60);
    this.session = new Session(transport, options.retries ?? new RetryPolicy(), options.honoursKeys ?? null);
  }

  /** Requests a video. At most one is created and paid, whatever happens to the connection. */
  async create(prompt: string, fields: CreateFields = {}, options: CreateOptions = {}): Promise<Video> {
    const request = { prompt, ...(fields as Fields) };
    const session = this.session.withSignal(options.signal);
    return await submit(session, request, options.idempotencyKey, options.deadlineS ?? CREATE_DEADLINE_S);
  }

  /** One video as it is now. */
  async retrieve(videoId: string, options: CallOptions = {}): Promise<Video> {
    return await retrieve(this.session.withSignal(options.signal), videoId);
  }

  /** One page of the list; the next one begins `after` the last video of this one. */
  async list(options: ListOptions & CallOptions = {}): Promise<Page> {
    return await listPage(this.session.withSignal(options.signal), options);
  }

  /** Deletes a video and its files. */
  async delete(videoId: string, options: CallOptions = {}): Promise<void> {
    await deleteVideo(this.session.withSignal(options.signal), videoId);
  }

  /** Cancels an unfinished video, if the server offers it. */
  async cancel(videoId: string, options: CallOptions = {}): Promise<Cancellation> {
    return await cancelVideo(this.session.withSignal(options.signal), videoId);
  }

  /** Polls until the video has ended. Returns it, completed or failed; throws `DeadlinePassed`. */
  async wait(video: Video | string, options: WaitOptions = {}): Promise<Video> {
    let latest = await this.#find(video, options);
    const session = this.session.withSignal(options.signal);
    for await (latest of watch(session, latest, options.deadlineS ?? VIDEO_DEADLINE_S)) {
      options.onProgress?.(latest);
    }
    return latest;
  }

  /** The video now and after each change, until it has ended. */
  async *watch(
    video: Video | string,
    deadlineS = VIDEO_DEADLINE_S,
    options: CallOptions = {},
  ): AsyncGenerator<Video, void> {
    yield* watch(this.session.withSignal(options.signal), await this.#find(video, options), deadlineS);
  }

  /** Stores the file. Resumes an interrupted download, and checks the hash that the server announced. */
  async download(
    video: Video | string,
    path: string,
    variant: Variant = "video",
    options: CallOptions = {},
  ): Promise<Download> {
    return await download(this.session.withSignal(options.signal), await this.#find(video, options), path, variant);
  }

  /** Makes a video within a price limit: a draft first, retries that cost nothing, several models. */
  async generate(
    prompt: string,
    plan: Plan,
    fields: CreateFields = {},
    options: CallOptions = {},
  ): Promise<Generated> {
    return await generate(this.session.withSignal(options.signal), { prompt, ...(fields as Fields) }, plan);
  }

  async #find(video: Video | string, options: CallOptions): Promise<Video> {
    return typeof video === "string" ? await this.retrieve(video, options) : video;
  }
}
