/** Drawings of a batch as SVG, to stand in an HTML page; colours are the page's classes. */
import type { BatchReport, ImageReport, LayerReport } from "../batch-report.ts";
import { formatBytes, formatTime } from "./amounts.ts";
import { escapeMarkup } from "./escape.ts";

const width = 1000;
const axisHeight = 22;
/** More could neither be read nor drawn quickly. */
const mostLayers = 500;
const mostImages = 200;

/** When each layer was under way, one below the other in the order of their beginnings; of very many the longest. */
export function waterfall({ layers, elapsedMs }: BatchReport): string {
  const timed = layers.filter(isTimed);
  const shown = timed
    .toSorted((a, b) => b.elapsedMs - a.elapsedMs)
    .slice(0, mostLayers)
    .toSorted((a, b) => a.startedMs - b.startedMs);
  if (shown.length === 0) return "<p>No layer was under way.</p>";
  const end = shown.reduce((latest, layer) => Math.max(latest, layer.startedMs + layer.elapsedMs), elapsedMs) || 1;
  const rowHeight = shown.length > 100 ? 6 : 12;
  const at = (ms: number): number => round((ms / end) * width);
  const bars = shown.map((layer, row) => {
    const { digest, startedMs, sizeBytes, fetchedBytes, status, worker } = layer;
    const facts = [
      digest,
      `${formatBytes(sizeBytes)}, ${formatBytes(fetchedBytes)} fetched, of ${layer.imageCount} images`,
      `${status} after ${formatTime(layer.elapsedMs)}, begun at ${formatTime(startedMs)}`,
      ...(worker === null ? [] : [`by ${worker}`]),
    ];
    const y = axisHeight + row * rowHeight;
    return (
      `<rect class="${status}" x="${at(startedMs)}" y="${y}" width="${Math.max(1.5, at(layer.elapsedMs))}" ` +
      `height="${rowHeight - 1.5}"><title>${escapeMarkup(facts.join("\n"))}</title></rect>`
    );
  });
  const height = axisHeight + shown.length * rowHeight;
  const left = timed.length - shown.length;
  return (
    svg("Waterfall of layers over time", height, [...axis(end, height, formatTime), ...bars]) +
    (left > 0 ? `<p>The ${left} shortest layers are left out.</p>` : "")
  );
}

/** Bytes of each image's layers: fetched for it, and there already. The biggest first. */
export function bytesPerImage({ images }: BatchReport): string {
  const sized = images.filter(({ sizeBytes }) => sizeBytes > 0).toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  const shown = sized.slice(0, mostImages);
  const most = shown[0]?.sizeBytes ?? 0;
  if (most === 0) return "<p>No image has layers.</p>";
  const rowHeight = 20;
  const at = (bytes: number): number => round((bytes / most) * width);
  const bars = shown.flatMap((image, row) => bar(image, axisHeight + row * rowHeight, rowHeight, at));
  const height = axisHeight + shown.length * rowHeight;
  const left = sized.length - shown.length;
  return (
    svg("Bytes fetched and reused per image", height, [...axis(most, height, formatBytes), ...bars]) +
    (left > 0 ? `<p>The ${left} smallest images are left out.</p>` : "")
  );
}

function bar(image: ImageReport, y: number, rowHeight: number, at: (bytes: number) => number): readonly string[] {
  const { source, sizeBytes } = image;
  const fetchedBytes = Math.min(image.fetchedBytes, sizeBytes);
  const reusedBytes = sizeBytes - fetchedBytes;
  const title = `${source}\n${formatBytes(fetchedBytes)} fetched, ${formatBytes(reusedBytes)} reused`;
  const rect = (kind: string, x: number, bytes: number): string =>
    `<rect class="${kind}" x="${x}" y="${y + 1}" width="${at(bytes)}" height="${rowHeight - 2}"/>`;
  return [
    `<g><title>${escapeMarkup(title)}</title>`,
    rect("done", 0, fetchedBytes) + rect("reused", at(fetchedBytes), reusedBytes),
    `<text x="4" y="${y + 14}">${escapeMarkup(source.slice(0, 120))}</text></g>`,
  ];
}

function axis(end: number, height: number, format: (value: number) => string): readonly string[] {
  return [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const x = part * width;
    const anchor = part === 0 ? "start" : part === 1 ? "end" : "middle";
    return (
      `<line x1="${x}" y1="${axisHeight - 6}" x2="${x}" y2="${height}"/>` +
      `<text class="axis" x="${x}" y="${axisHeight - 9}" text-anchor="${anchor}">${format(end * part)}</text>`
    );
  });
}

function svg(title: string, height: number, parts: readonly string[]): string {
  return `<svg role="img" aria-label="${title}" viewBox="0 0 ${width} ${height}">\n${parts.join("\n")}\n</svg>\n`;
}

function isTimed(layer: LayerReport): layer is LayerReport & { startedMs: number; elapsedMs: number } {
  return layer.startedMs !== null && layer.elapsedMs !== null;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
