// @ts-check
// Starts the service of service.mjs: `npm start`, with PORT and HOST from the environment.
import { createService } from "./service.mjs";

const server = createService();
const host = process.env["HOST"] ?? "127.0.0.1";
server.listen(Number(process.env["PORT"] ?? 8080), host, () => {
  console.log("listening on", server.address());
});

// What has begun is finished, nothing new is taken, and then there is nothing left to keep the process
// alive. A second signal finds no listener, and ends it at once.
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => server.close());
}
