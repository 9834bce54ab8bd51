/**
 * One request and its response.
 *
 * Not with `fetch`, which sends a request again after an answer with status 421, and does not state whether
 * anything was sent.
 */

import http from "node:http";
import https from "node:https";
import type { Socket } from "node:net";

import { Aborted } from "./abort.js";
import { ConnectionFailed } from "./errors.js";

/** Pieces of a body in memory before the server has to wait. */
const MOST_PIECES = 32;

export interface Request {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  /** Longest silence of the server. */
  readonly silenceS: number;
  readonly signal: AbortSignal | undefined;
}

export class Exchange {
  status = 0;
  readonly headers: Headers = new Headers();
  readonly #silence: NodeJS.Timeout;
  readonly #pieces: Uint8Array[] = [];
  readonly #abort = (): void => {
    this.#request?.destroy(new Error("the call was aborted"));
  };
  #request: http.ClientRequest | undefined;
  #response: http.IncomingMessage | undefined;
  #wake = (): void => undefined;
  #failure: Error | null = null;
  /** Whether the server may have received the request. */
  #sent = false;

  constructor(readonly request: Request) {
    this.#silence = setTimeout(
      () => this.#request?.destroy(new Error(`the server was silent for ${request.silenceS} s`)),
      Math.min(request.silenceS * 1000, 2 ** 31 - 1),
    );
  }

  /** Sends the request, and waits for status and headers. Throws `ConnectionFailed`. */
  async start(): Promise<void> {
    const { method, url, headers, body } = this.request;
    const isSecure = url.protocol === "https:";
    const { signal } = this.request;
    if (signal?.aborted) throw new Aborted(signal);
    signal?.addEventListener("abort", this.#abort);
    await new Promise<void>((resolve, reject) => {
      const request = (isSecure ? https : http).request(url, { method, headers });
      this.#request = request;
      request.on("socket", (socket) => {
        // A request that waited for a free connection gets an open one without `reusedSocket`.
        if (isConnecting(socket)) socket.once(isSecure ? "secureConnect" : "connect", () => (this.#sent = true));
        else this.#sent = true;
      });
      request.on("error", (error) => {
        this.#failure ??= error;
        this.#wake();
        reject(this.#makeFailure(error));
      });
      request.on("response", (response) => {
        this.#receive(response);
        resolve();
      });
      request.end(body ?? undefined);
    });
  }

  #receive(response: http.IncomingMessage): void {
    this.#response = response;
    this.status = response.statusCode ?? 0;
    for (let at = 0; at + 1 < response.rawHeaders.length; at += 2) {
      this.headers.append(String(response.rawHeaders[at]), String(response.rawHeaders[at + 1]));
    }
    this.#silence.refresh();
    // A stream that fails discards what was not read. So pieces are taken at once.
    response.on("data", (piece: Buffer) => {
      this.#silence.refresh();
      this.#pieces.push(piece);
      if (this.#pieces.length >= MOST_PIECES) response.pause();
      this.#wake();
    });
    response.on("error", (error) => (this.#failure ??= error));
    response.on("close", () => this.#wake());
  }

  /** The pieces of the body of the response. Throws `ConnectionFailed` after the last piece that arrived. */
  async *pieces(): AsyncGenerator<Uint8Array, void> {
    const response = this.#response;
    while (response !== undefined) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) {
        if (this.#pieces.length === 0) response.resume();
        yield piece;
      } else if (this.#failure !== null) {
        throw this.#makeFailure(this.#failure);
      } else if (response.closed) {
        return;
      } else {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    }
  }

  /** Stops the timer, and closes the connection unless the response has ended. */
  end(): void {
    clearTimeout(this.#silence);
    this.request.signal?.removeEventListener("abort", this.#abort);
    if (!this.#response?.complete) this.#request?.destroy();
  }

  #makeFailure(error: NodeJS.ErrnoException): ConnectionFailed | Aborted {
    const { signal } = this.request;
    if (signal?.aborted) return new Aborted(signal, { isSent: this.#sent });
    const reason = error.message || error.code || error.name;
    return new ConnectionFailed(`There was no response from the server: ${reason}`, this.#sent, error);
  }
}

/** Whether nothing can be sent yet, as the connection or its TLS handshake is not complete. */
function isConnecting(socket: Socket & { readonly secureConnecting?: boolean }): boolean {
  return socket.connecting || socket.secureConnecting === true;
}
