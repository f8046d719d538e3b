/** Values as people read them, in Docker's words. */

/** Sizes in decimal units, three significant digits: 183MB, 1.02GB, 5.6kB, 0B. */
export function humanSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  while (unit < units.length - 1 && Number(value.toPrecision(3)) >= 1000) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(3))}${units[unit] ?? ""}`;
}

/** Sizes in binary units, four significant digits: 1.5MiB, 7.628GiB, 0B. */
export function binarySize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let value = bytes;
  let unit = 0;
  while (unit < units.length - 1 && value >= 1024) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toPrecision(4))}${units[unit] ?? ""}`;
}

/** "2 weeks ago"; "N/A" for no time and for the times that reproducible builds write. */
export function age(time: string | null, now: Date): string {
  const text = duration(time, now);
  return text === undefined ? "N/A" : `${text} ago`;
}

/** "2 weeks", counted as Docker counts; undefined as {@link age}. */
export function duration(time: string | null, now: Date): string | undefined {
  const then = time === null ? NaN : Date.parse(time);
  if (Number.isNaN(then) || then <= Date.parse("2000-01-01T00:00:00Z")) return undefined;
  const seconds = Math.trunc(Math.max(0, now.getTime() - then) / 1000);
  if (seconds < 1) return "Less than a second";
  if (seconds === 1) return "1 second";
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.trunc(seconds / 3600 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  const days = Math.trunc(hours / 24);
  if (days < 14) return `${days} days`;
  if (days < 60) return `${Math.trunc(days / 7)} weeks`;
  if (days < 730) return `${Math.trunc(days / 30)} months`;
  return `${Math.trunc(seconds / 86_400 / 365)} years`;
}

/** 12 digits of a digest or id. */
export function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}

/** A reference without docker.io/ and library/. */
export function familiarName(canonical: string): string {
  const withoutDomain = canonical.replace(/^docker\.io\//, "");
  if (withoutDomain === canonical) return canonical;
  const withoutLibrary = withoutDomain.replace(/^library\//, "");
  return withoutLibrary.includes("/") ? withoutDomain : withoutLibrary;
}

/** Repository and tag of a reference; "<none>" for what it lacks. */
export function repositoryAndTag(canonical: string): readonly [repository: string, tag: string] {
  const name = familiarName(canonical).replace(/@.*$/, "");
  const colon = name.indexOf(":", name.lastIndexOf("/") + 1);
  return colon < 0 ? [name, "<none>"] : [name.slice(0, colon), name.slice(colon + 1)];
}

/** At most `length` characters, the last of them "…" if something was cut. */
export function ellipsis(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join("")}…`;
}

/** In one line and harmless to a terminal: who built an image chose much of what is shown of it. */
export function printable(text: string): string {
  return text
    .replace(/[\t\n\r]+/g, " ")
    .replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (character) => {
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
    });
}
