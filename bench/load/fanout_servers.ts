/** The servers that fanout.ts compares: Berth with one http thread, and nchan with one nginx worker. Each has a directory of its own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Gateway } from "../../test/support/gateway.ts";

/** How the generator subscribes and publishes. */
export interface Talk {
  readonly port: number;
  readonly path: string;
  readonly publishPath: string;
  /** What stands around a message's payload. */
  readonly before: string;
  readonly after: string;
}

export interface RunningServer extends Talk {
  /** The process that delivers. */
  readonly pid: number;
  /** Of it, the threads that deliver; null: all. */
  readonly threads: readonly number[] | null;
  /** Where a tracker may connect; 0: nowhere. */
  readonly trackerPort: number;
  stop(): Promise<void>;
}

export interface FanoutServer {
  readonly name: string;
  start(): Promise<RunningServer>;
}

const CHANNEL = "app.load";

/** `httpThreads`: one is what compares with one worker of nginx. */
export const berth = (name: string, command: readonly string[], httpThreads: number): FanoutServer => ({
  name,
  async start() {
    const data = mkdtempSync(join(tmpdir(), "berth-fanout-"));
    const settings = { log_level: "info", "http.threads": httpThreads, "access.requests_per_second_per_token": 1_000_000 };
    const gateway = await Gateway.start({ command, data, settings });
    const said = gateway.log.map((line) => JSON.parse(line) as { readonly threads?: readonly { name: string; id: number }[] });
    const threads = said.find((line) => line.threads !== undefined)?.threads ?? [];
    return {
      port: Number(new URL(gateway.url).port),
      path: `/v1/events?channel=${CHANNEL}`,
      publishPath: "/v1/ws",
      before: `{"type":"publish","channel":"${CHANNEL}","data":"`,
      after: '"}',
      pid: gateway.pid,
      threads: threads.filter((thread) => thread.name.startsWith("http")).map(({ id }) => id),
      trackerPort: gateway.tcpPort,
      async stop() {
        await gateway.stop();
        rmSync(data, { recursive: true, force: true });
      },
    };
  },
});

const MODULE = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/** As many kept messages as Berth has events in its window; no log; one worker. */
const configuration = (directory: string, port: number): string =>
  `load_module ${MODULE};
daemon off;
worker_processes 1;
worker_rlimit_nofile 65536;
pid ${directory}/pid;
error_log ${directory}/error.log error;
events { worker_connections 20000; }
http {
  access_log off;
  nchan_shared_memory_size 256M;
  ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${directory}/${name};`).join("\n  ")}
  server {
    listen 127.0.0.1:${port};
    location = /publish { nchan_publisher websocket; nchan_channel_id load; nchan_message_buffer_length 2000; nchan_message_timeout 30s; }
    location = /events { nchan_subscriber eventsource; nchan_channel_id load; nchan_subscriber_first_message newest; }
  }
}
`;

/** A port that is free now. */
function freePort(): number {
  const listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

async function workerOf(master: number): Promise<number> {
  for (let waited = 0; waited < 5000; waited += 20) {
    const [worker] = readFileSync(`/proc/${master}/task/${master}/children`, "utf8").trim().split(" ");
    if (worker !== undefined && worker !== "") return Number(worker);
    await Bun.sleep(20);
  }
  throw new Error("Cannot start nginx: it has no worker");
}

async function listens(port: number): Promise<void> {
  for (let waited = 0; waited < 5000; waited += 20) {
    const isOpen = await fetch(`http://127.0.0.1:${port}/`).then(() => true, () => false);
    if (isOpen) return;
    await Bun.sleep(20);
  }
  throw new Error("Cannot start nginx: nobody listens");
}

export const nchan: FanoutServer = {
  name: "nchan",
  async start() {
    const nginx = Bun.which("nginx", { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` });
    if (nginx === null) throw new Error("Cannot find nginx: apt-get install nginx-light libnginx-mod-nchan");
    const directory = mkdtempSync(join(tmpdir(), "berth-nchan-"));
    const port = freePort();
    writeFileSync(join(directory, "nginx.conf"), configuration(directory, port));
    const master = Bun.spawn([nginx, "-p", directory, "-c", join(directory, "nginx.conf")], { stdio: ["ignore", "ignore", "inherit"] });
    await listens(port);
    return {
      port,
      path: "/events",
      publishPath: "/publish",
      before: "",
      after: "",
      pid: await workerOf(master.pid),
      threads: null,
      trackerPort: 0,
      async stop() {
        master.kill("SIGTERM");
        await master.exited;
        rmSync(directory, { recursive: true, force: true });
      },
    };
  },
};
