/** GET /: what this is and where to go. */
import { VERSION } from "../base/version.ts";

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

export const frontPage = (instance: string): string =>
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Berth</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:40em;margin:3em auto;padding:0 1em;color-scheme:light dark}</style>
</head>
<body>
<h1>Berth ${escape(VERSION)}</h1>
<p>Instance ${escape(instance)}. One live connection per device, and no record lost.</p>
<ul>
<li><a href="/v1/devices">/v1/devices</a>: every device, its connection and last position</li>
<li>/v1/devices/{id}/records: what a device sent</li>
<li><a href="/v1/events">/v1/events</a>: the journal live, as server-sent events</li>
<li><a href="/metrics">/metrics</a>, <a href="/healthz">/healthz</a>, <a href="/readyz">/readyz</a></li>
<li><a href="/openapi.json">/openapi.json</a>: all of this, described</li>
</ul>
<p>There is no dashboard yet.</p>
</body>
</html>
`;
