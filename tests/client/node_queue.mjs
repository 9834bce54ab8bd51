// A create that waits for the only connection of the process, and whose answer is lost: the server reads it and
// closes the connection. Prints for each create whether its connection was used before, and the error.
import http from "node:http";

import { Client, RetryPolicy } from "@safelight/client";

const used = new Set();
const creates = [];
const server = http.createServer((request, response) => {
  request.resume().on("end", () => {
    if (request.method === "POST") {
      creates.push(used.has(request.socket));
      request.socket.destroy();
    } else {
      setTimeout(() => response.end("{}"), 50);
    }
    used.add(request.socket);
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${server.address().port}`;
const client = new Client(`${url}/v1`, "", {
  honoursKeys: false,
  retries: new RetryPolicy({ firstS: 0.01, maxS: 0.02, attempts: 3 }),
});
await client.session.learnServer();
http.globalAgent.maxSockets = 1;
http.get(`${url}/first`).on("response", (response) => response.resume());
const lost = await client.create("A tram at dusk").catch((error) => error);
server.close();
server.closeAllConnections();
console.log(JSON.stringify({ creates, lost: [lost.constructor.name, lost.charged] }));
