// A webhook receiver with Express: WEBHOOK_SECRET=whsec_... node dist/webhook_express.js [port]
// Prints its address, then one line for each event.
import express from "express";
import OpenAI from "openai";

const client = new OpenAI({ apiKey: "not used", webhookSecret: process.env.WEBHOOK_SECRET });
/** Ids of events so far: a sender repeats a message if our answer was lost. Keep them in your database. */
const seen = new Set<string>();

const app = express();
// `express.text` keeps the body as received: the signature covers it, so verify it before any parser.
app.post("/", express.text({ type: "*/*", limit: "1mb" }), async (request, response) => {
  let event;
  try {
    const headers = new Headers(request.headers as Record<string, string>);
    event = await client.webhooks.unwrap(String(request.body), headers);
  } catch (error) {
    // A wrong signature, a wrong time, or a header is missing.
    response.status(400).send(String(error));
    return;
  }
  response.sendStatus(204);
  if (seen.has(event.id)) return;
  seen.add(event.id);
  console.log(event.type, "id" in event.data ? event.data.id : "");
});

const server = app.listen(Number(process.argv[2] ?? 9000), "127.0.0.1", () => {
  const address = server.address();
  if (address && typeof address === "object") console.log(`http://127.0.0.1:${address.port}/`);
});
