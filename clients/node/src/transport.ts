/** Sends the requests of a client. */

import { ConnectionFailed } from "./errors.js";
import { Exchange } from "./exchange.js";
import type { Form } from "./form.js";

/** Limits of a response that is not a download. */
const LARGEST_RESPONSE = 16 * 1024 * 1024;
const LONGEST_RESPONSE_S = 300;
const MOST_REDIRECTS = 10;

export interface Send {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: Form;
  /** Longest time for the whole response. */
  readonly timeoutS?: number;
}

/** A response. */
export class Answer {
  constructor(
    readonly status: number,
    readonly headers: Headers,
    readonly body: Uint8Array = new Uint8Array(),
  ) {}

  get isOk(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  /** The body as text, in which bytes that are not UTF-8 are replaced. */
  get text(): string {
    return new TextDecoder().decode(this.body);
  }

  /** The decoded body; null if it is not JSON. */
  json(): unknown {
    try {
      return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(this.body));
    } catch {
      return null;
    }
  }
}

/** Receives a download. */
export interface Sink {
  /** Called once with status and headers of a response with status 200 or 206. */
  begin(answer: Answer): Promise<void>;
  /** Called for each piece of the body. */
  write(data: Uint8Array): Promise<void>;
}

/** The server and the key: what every request has in common. */
export class Transport {
  readonly #baseUrl: string;
  #authorization: string;
  #signal: AbortSignal | undefined;
  readonly #timeoutS: number;

  constructor(baseUrl: string, apiKey: string, timeoutS: number) {
    const { address, login } = splitLogin(baseUrl);
    const key = apiKey.trim();
    // Without the key: messages are logged.
    if (!/^[!-~]*$/.test(key)) throw new TypeError("apiKey has characters that a header cannot have");
    this.#baseUrl = address;
    this.#authorization = login || (key && `Bearer ${key}`);
    this.#timeoutS = timeoutS;
  }

  /** The same transport for one call, which ends with `Aborted` when the signal is aborted. */
  withSignal(signal: AbortSignal): Transport {
    const transport = new Transport(this.#baseUrl, "", this.#timeoutS);
    transport.#authorization = this.#authorization;
    transport.#signal = signal;
    return transport;
  }

  /** The response to a request. A redirect is not followed. Throws `ConnectionFailed`. */
  async send(request: Send): Promise<Answer> {
    const exchange = this.#exchange(request, this.#url(request));
    try {
      const until = performance.now() + 1000 * (request.timeoutS ?? LONGEST_RESPONSE_S);
      await exchange.start();
      return await readWhole(exchange, until);
    } finally {
      exchange.end();
    }
  }

  /** Downloads into a sink. Throws `ConnectionFailed`, and the errors of the sink. */
  async download(request: Send, sink: Sink): Promise<Answer> {
    let url = this.#url(request);
    for (let redirects = 0; ; redirects++) {
      const exchange = this.#exchange(request, url);
      try {
        await exchange.start();
        const location = exchange.headers.get("location");
        if (exchange.status >= 300 && exchange.status < 400 && location && redirects < MOST_REDIRECTS) {
          url = redirect(url, location);
          continue;
        }
        const answer = new Answer(exchange.status, exchange.headers);
        if (!answer.isOk) return await readWhole(exchange, performance.now() + 1000 * LONGEST_RESPONSE_S);
        await sink.begin(answer);
        for await (const piece of exchange.pieces()) await sink.write(piece);
        return answer;
      } finally {
        exchange.end();
      }
    }
  }

  #url(request: Send): URL {
    const url = new URL(this.#baseUrl + request.path);
    url.search = new URLSearchParams(request.query).toString();
    return url;
  }

  #exchange(request: Send, url: URL): Exchange {
    // Without compression, because a compressed file cannot be resumed.
    const headers: Record<string, string> = { "accept-encoding": "identity", ...request.headers };
    // A redirect may lead to another server, which must not get the key.
    const isOwn = url.origin === new URL(this.#baseUrl).origin;
    if (this.#authorization && isOwn) headers["authorization"] = this.#authorization;
    const body = request.form?.body ?? null;
    if (request.form !== undefined) {
      headers["content-type"] = request.form.type;
      headers["content-length"] = String(request.form.body.length);
    }
    const silenceS = Math.min(this.#timeoutS, request.timeoutS ?? this.#timeoutS);
    return new Exchange({ method: request.method, url, headers, body, silenceS, signal: this.#signal });
  }
}

async function readWhole(exchange: Exchange, until: number): Promise<Answer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of exchange.pieces()) {
    pieces.push(piece);
    size += piece.length;
    if (size > LARGEST_RESPONSE || performance.now() > until) {
      throw new ConnectionFailed("The response is too long, or did not end in time.", true);
    }
  }
  return new Answer(exchange.status, exchange.headers, Buffer.concat(pieces));
}

function redirect(url: URL, location: string): URL {
  const target = URL.canParse(location, url.href) ? new URL(location, url.href) : null;
  if (target === null || !isWeb(target)) {
    throw new ConnectionFailed("The server redirected the request to an address that is none.", true);
  }
  return target;
}

function isWeb(url: URL): boolean {
  return url.protocol === "http:" || url.protocol === "https:";
}

/**
 * The address without user name and password, and the header with them; empty if it has none.
 *
 * So they are in no message or log. Throws `TypeError`.
 */
function splitLogin(baseUrl: string): { address: string; login: string } {
  // Without the URL: it may contain a password.
  if (!URL.canParse(baseUrl)) throw new TypeError("baseUrl is not an address; in a password, / is written as %2F");
  const url = new URL(baseUrl);
  if (!isWeb(url)) throw new TypeError("baseUrl must begin with http:// or https:// and usually ends with /v1");
  const address = (url.origin + url.pathname).replace(/\/+$/, "");
  if (!url.username && !url.password) return { address, login: "" };
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return { address, login: `Basic ${Buffer.from(pair).toString("base64")}` };
}
