/** Columns, as Go's tabwriter lays them out for Docker: at least ten wide, three blanks between. */
import { printable } from "./format.ts";

const gap = 3;
const minWidth = 10;

export function table(header: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const lines = [header, ...rows].map((cells) => cells.map(printable));
  const widths = header.map((_, column) => {
    return Math.max(minWidth, ...lines.map((cells) => widthOf(cells[column] ?? "") + gap));
  });
  return lines.map((cells) => {
    const padded = cells.map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))));
    return padded.join("").trimEnd();
  });
}

/** Characters; those that take two places on a terminal are not told apart. */
function widthOf(text: string): number {
  return Array.from(text).length;
}

export interface TreeNode {
  readonly label: string;
  readonly children: readonly TreeNode[];
}

/** Depth-first with lines drawn; as deep as a stack of layers may be. */
export function tree(roots: readonly TreeNode[]): readonly string[] {
  const lines: string[] = [];
  const pending = roots.map((node) => ({ node, prefix: "", below: "" })).reverse();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, prefix, below } = next;
    lines.push(prefix + printable(node.label));
    const last = node.children.length - 1;
    const children = node.children.map((child, index) => ({
      node: child,
      prefix: below + (index === last ? "└── " : "├── "),
      below: below + (index === last ? "    " : "│   "),
    }));
    pending.push(...children.reverse());
  }
  return lines;
}
