/** Foreign text made harmless where markup is expected. */

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

/**
 * For text and quoted attributes of XML and HTML. What XML 1.0 (section 2.2) has no way to write is left out, and so are
 * the marks that turn the direction of text around.
 */
export function escapeMarkup(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]|[\u202a-\u202e\u2066-\u2069]/gu, "")
    .replace(/[&<>"'\t\n\r]/g, (character) => entities[character] ?? "");
}

/** For a cell of a table of Markdown as GitHub reads it: one line, and only text. */
export function escapeCell(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\r\n\t\u2028\u2029]+/g, " ")
    .replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, "")
    .replace(/[&<>]/g, (character) => entities[character] ?? "")
    .replace(/[\\`*_{}[\]()#+!|~$]/g, "\\$&");
}
