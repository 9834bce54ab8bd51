/**
 * Helpers for programs that keep the `openai` SDK: create once, and wait to the end.
 *
 * The SDK is not imported. Its client states the server and the key; the requests are those of `Client`, because
 * the SDK would send a create again and does not state whether anything was sent.
 */

import { Client, type CreateFields, type CreateOptions, type WaitOptions } from "./client.js";
import type { Video } from "./video.js";

/** What is used of a client of the SDK. */
export interface OpenAIClient {
  readonly baseURL: string;
  readonly apiKey: string | null;
}

const CLIENTS = new WeakMap<OpenAIClient, Client>();

/**
 * `client.videos.create({ prompt, ...fields })`, of which at most one is created and paid.
 *
 * Returns the video of this package, with the object of the server as `raw`. Throws the errors of `Client.create`.
 */
export async function createOnce(
  openai: OpenAIClient,
  request: CreateFields & { readonly prompt: string },
  options: CreateOptions = {},
): Promise<Video> {
  const { prompt, ...fields } = request;
  return await clientOf(openai).create(prompt, fields, options);
}

/** Polls until a video of the SDK, of this package, or with this id has ended. Throws the errors of `Client.wait`. */
export async function wait(
  openai: OpenAIClient,
  video: { readonly id: string } | string,
  options: WaitOptions = {},
): Promise<Video> {
  return await clientOf(openai).wait(typeof video === "string" ? video : video.id, options);
}

/** One client for each of the SDK, because it remembers what it knows about the server and its own requests. */
function clientOf(openai: OpenAIClient): Client {
  const known = CLIENTS.get(openai);
  if (known !== undefined) return known;
  const client = new Client(openai.baseURL, openai.apiKey ?? "");
  CLIENTS.set(openai, client);
  return client;
}
