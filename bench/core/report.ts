/** Tables of figures beside the one they are compared with, and targets met or missed. */
import type { Figure } from "./measure.ts";

export function fastest(figures: readonly Figure[]): Figure {
  return figures.reduce((best, figure) => (figure.megabytesPerSecond > best.megabytesPerSecond ? figure : best));
}

export function figureNamed(figures: readonly Figure[], name: string): Figure {
  const found = figures.find((figure) => figure.name === name);
  if (found === undefined) throw new RangeError(`no figure named ${name}`);
  return found;
}

/** Ratios in both columns are to `base`. */
export function printTable(title: string, figures: readonly Figure[], base: Figure): void {
  console.log(`\n${title}; ratios to ${base.name}`);
  console.log(
    `  ${"".padEnd(46)}${"MB/s".padStart(8)}${"ratio".padStart(8)}${"MB/CPU s".padStart(12)}${"ratio".padStart(8)}`,
  );
  for (const { name, megabytesPerSecond, megabytesPerCpuSecond } of figures) {
    const wall = column(megabytesPerSecond, base.megabytesPerSecond, 8);
    const cpu = column(megabytesPerCpuSecond, base.megabytesPerCpuSecond, 12);
    console.log(`  ${name.padEnd(46)}${wall}${cpu}`);
  }
}

function column(figure: number, base: number, width: number): string {
  return figure.toFixed(0).padStart(width) + (figure / base).toFixed(2).padStart(8);
}

/** Prints the ratio beside its target, and that per CPU second; true when the ratio of time passed meets it. */
export function printTarget(what: string, figure: Figure, base: Figure, target: number): boolean {
  const ratio = figure.megabytesPerSecond / base.megabytesPerSecond;
  const cpuRatio = figure.megabytesPerCpuSecond / base.megabytesPerCpuSecond;
  const verdict = ratio >= target ? "met   " : "MISSED";
  console.log(
    `  ${verdict} ${what}: ${ratio.toFixed(2)} x ${base.name}, target ${target} (${cpuRatio.toFixed(2)} per CPU s)`,
  );
  return ratio >= target;
}
