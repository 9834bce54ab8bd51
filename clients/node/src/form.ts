/** A request as a form. Objects and lists are written with brackets, as the official SDKs do. */

import { randomUUID } from "node:crypto";

/** A value of a request. A file is a `File`, a `Blob` or the bytes. */
export type FieldValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | Blob
  | Uint8Array
  | readonly FieldValue[]
  | { readonly [name: string]: FieldValue };
export type Fields = Readonly<Record<string, FieldValue>>;

/** An encoded form with its `content-type`. */
export interface Form {
  readonly type: string;
  readonly body: Uint8Array;
}

/** Encodes the fields as `multipart/form-data`, because some servers read nothing else. */
export async function encodeForm(fields: Fields): Promise<Form> {
  // Not with `FormData`, which changes the line ends of a prompt.
  const boundary = `safelight-${randomUUID()}`;
  const pieces: Uint8Array[] = [];
  for (const [name, value] of readParts(fields)) {
    const isFile = typeof value !== "string";
    const file = isFile ? `; filename="${escape(value instanceof File ? value.name : name)}"` : "";
    const kind = (value instanceof Blob && value.type) || "application/octet-stream";
    const type = isFile ? `\r\nContent-Type: ${kind}` : "";
    pieces.push(
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${escape(name)}"${file}${type}\r\n\r\n`),
      value instanceof Blob ? new Uint8Array(await value.arrayBuffer()) : Buffer.from(value),
      Buffer.from("\r\n"),
    );
  }
  pieces.push(Buffer.from(`--${boundary}--\r\n`));
  return { type: `multipart/form-data; boundary=${boundary}`, body: Buffer.concat(pieces) };
}

function* readParts(fields: Fields): Generator<readonly [name: string, value: string | Blob | Uint8Array]> {
  for (const [name, value] of Object.entries(fields)) yield* readPart(name, value);
}

function* readPart(
  name: string,
  value: FieldValue,
): Generator<readonly [name: string, value: string | Blob | Uint8Array]> {
  if (value === null || value === undefined) return;
  if (value instanceof Blob || value instanceof Uint8Array) {
    yield [name, value];
  } else if (Array.isArray(value)) {
    for (const inner of value as readonly FieldValue[]) yield* readPart(`${name}[]`, inner);
  } else if (typeof value === "object") {
    for (const [key, inner] of Object.entries(value)) yield* readPart(`${name}[${key}]`, inner);
  } else {
    yield [name, String(value)];
  }
}

function escape(name: string): string {
  return name.replaceAll("\r", "%0D").replaceAll("\n", "%0A").replaceAll('"', "%22");
}
