/** One page that needs nothing else: no script, no font, no picture from anywhere. It is well-formed XML, too. */
import type { BatchReport, ImageReport } from "../batch-report.ts";
import { formatBytes, formatTime } from "./amounts.ts";
import { escapeMarkup } from "./escape.ts";
import { bytesPerImage, waterfall } from "./html-plots.ts";

const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --faint: #d5d9de; --muted: #59636e;
  --done: #7fb2f0; --reused: #bfe3c8; --failed: #f0a8a2; --pending: #e3e6ea; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --paper: #14171b; --faint: #353b43; --muted: #9aa4af;
  --done: #2a5d9f; --reused: #2c5a3a; --failed: #8f352f; --pending: #2b3037; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 72rem;
  margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; overflow-wrap: anywhere; }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; margin: 1rem 0; }
dt { color: var(--muted); font-size: .85rem; }
dd { margin: 0; font-size: 1.3rem; }
svg { width: 100%; height: auto; display: block; }
svg text { font: 11px system-ui, sans-serif; fill: var(--ink); }
svg text.axis { fill: var(--muted); }
svg line { stroke: var(--faint); }
rect.done { fill: var(--done); } rect.reused { fill: var(--reused); }
rect.failed { fill: var(--failed); } rect.pending { fill: var(--pending); }
.key span { padding: 0 .5rem; border-radius: .2rem; color: var(--ink); }
.done { background: var(--done); } .reused { background: var(--reused); }
.failed { background: var(--failed); } .pending { background: var(--pending); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; }
th, td { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid var(--faint); vertical-align: top; }
td.number { text-align: right; white-space: nowrap; }
td.text { overflow-wrap: anywhere; }
`;

export function htmlReport(report: BatchReport): string {
  const { totals, images } = report;
  const saved = Math.max(0, totals.logicalBytes - totals.fetchedBytes);
  const facts: Readonly<Record<string, string>> = {
    Imported: String(totals.imported),
    "Were there": String(totals.present),
    Failed: String(totals.failed),
    "Not done": String(totals.pending),
    Time: formatTime(report.elapsedMs) + (report.runs > 1 ? ` in ${report.runs} runs` : ""),
    Layers: `${totals.uniqueLayers}, ${formatBytes(totals.uniqueBytes)}`,
    Fetched: formatBytes(totals.fetchedBytes),
    "Less than image by image": formatBytes(saved),
  };
  return `<!DOCTYPE html>
<html lang="en" xmlns="http://www.w3.org/1999/xhtml">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>Batch: ${escapeMarkup(report.set)}</title>
<style>${style}</style>
</head>
<body>
<h1>Batch: ${escapeMarkup(report.set)}</h1>
<p>Begun ${escapeMarkup(report.startedAt)}</p>
<dl>
${Object.entries(facts)
  .map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`)
  .join("\n")}
</dl>
<h2>Layers over time</h2>
<p class="key"><span class="done">done</span> <span class="reused">reused</span> <span class="failed">failed</span> <span class="pending">not done</span></p>
${waterfall(report)}
<h2>Bytes per image</h2>
<p class="key"><span class="done">fetched</span> <span class="reused">reused</span></p>
${bytesPerImage(report)}
<h2>Images</h2>
<div class="wide"><table>
<thead><tr><th>Image</th><th>Status</th><th>Layers</th><th>Size</th><th>Fetched</th><th>Time</th><th>Worker</th><th>Digest</th></tr></thead>
<tbody>
${images.map(rowOf).join("\n")}
</tbody>
</table></div>
</body>
</html>
`;
}

/** How a status looks: as that of the layers that it stands for. */
const classOf: Readonly<Record<ImageReport["status"], string>> = {
  imported: "done",
  present: "reused",
  failed: "failed",
  pending: "pending",
};

function rowOf({ error, worker, digest, names, ...image }: ImageReport): string {
  const others = names.filter((name) => name !== image.source);
  const text = (value: string): string => `<td class="text">${escapeMarkup(value)}</td>`;
  const number = (value: string): string => `<td class="number">${value}</td>`;
  const why = error === null ? "" : `<br/>${escapeMarkup(`${error.code}: ${error.message}`)}`;
  const also = others.length === 0 ? "" : `<br/><small>${escapeMarkup(others.join(", "))}</small>`;
  return (
    `<tr><td class="text">${escapeMarkup(image.source)}${also}${why}</td>` +
    `<td><span class="${classOf[image.status]}">${image.status}</span></td>` +
    number(String(image.layerCount)) +
    number(formatBytes(image.sizeBytes)) +
    number(formatBytes(image.fetchedBytes)) +
    number(image.elapsedMs === null ? "" : formatTime(image.elapsedMs)) +
    text(worker ?? "") +
    text(digest ?? "") +
    "</tr>"
  );
}
