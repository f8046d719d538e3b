import { batchOptions, openBatchClient, platformOf, readSet } from "../batch-options.ts";
import type { Command } from "../command.ts";
import { familiarName, humanSize, printable } from "../format.ts";

export const command: Command = {
  arguments: "<set...>",
  options: batchOptions,
  examples: ["laminate batch verify images.yaml", "laminate batch verify --json images.yaml | jq '.images[].problems'"],
  hasDocument: true,

  async run(context, paths, options) {
    const { verifyBatch } = await import("../../index.ts");
    const set = await readSet(paths);
    await using client = await openBatchClient(set, options);
    const { signal } = context;
    const verified = await verifyBatch(set, {
      ...{ storage: await context.storage(), client, signal },
      ...platformOf(options, context),
    });
    const broken = verified.images.filter(({ problems }) => problems.length > 0);
    const text = broken.flatMap(({ source, problems }) =>
      Array.from(new Set(problems), (problem) => `${printable(familiarName(source))}: ${printable(problem)}`),
    );
    const checked = `${verified.blobs} blobs (${humanSize(verified.blobBytes)}) and ${verified.layers} layers`;
    const whole = verified.images.length - broken.length;
    return {
      document: verified,
      text: [...text, `${whole} of ${verified.images.length} images are here and whole: ${checked} checked`],
      exitCode: broken.length === 0 ? 0 : 1,
    };
  },
};
