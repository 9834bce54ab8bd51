// What the table says about each answer of a provider. Reads JSON from the standard input.
import { text } from "node:stream/consumers";

import { readError } from "./node_modules/@safelight/client/dist/error_rules.js";

const readings = JSON.parse(await text(process.stdin)).map(({ body, status = null, headers = {} }) => {
  const { provider, via, kind, stage, category, charged, retry, afterS } = readError(body, status, new Headers(headers));
  return { provider, via, kind, stage, category, charged, retry, after_s: afterS };
});
console.log(JSON.stringify(readings));
