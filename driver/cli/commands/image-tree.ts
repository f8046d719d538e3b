import type { ImageDetails, ImageLayer } from "../../index.ts";
import { type Command, forEachWord } from "../command.ts";
import { familiarName, humanSize, shortId } from "../format.ts";
import { tree, type TreeNode } from "../table.ts";

/** A layer on its parent, and the images whose top it is. */
interface Branch {
  readonly layer: ImageLayer;
  readonly images: string[];
  readonly children: Branch[];
}

export const command: Command = {
  arguments: "[image...]",
  options: [{ flags: "--no-trunc", description: "whole IDs" }],
  examples: ["laminate image tree", "laminate image tree debian node-base"],
  hasDocument: true,

  async run({ storage, signal }, words, options) {
    const { images } = await storage();
    const wanted = words.length > 0 ? words : (await images.list()).map(({ id }) => id);
    const { done, failures } = await forEachWord(wanted, signal, (word) => images.get(word));
    const roots: Branch[] = [];
    for (const image of done) graft(roots, image);
    const idOf = (id: string): string => (options.isOn("no-trunc") ? id : shortId(id));
    const nodeOf = ({ layer, images: names, children }: Branch): TreeNode => ({
      label: `${idOf(layer.chainId)} ${humanSize(layer.unpackedBytes)}${names.map((name) => ` [${name}]`).join("")}`,
      children: children.map(nodeOf),
    });
    return { document: roots.map(documentOf), text: tree(roots.map(nodeOf)), failures };
  },
};

function graft(roots: Branch[], image: ImageDetails): void {
  let siblings = roots;
  let top: Branch | undefined;
  for (const layer of image.layers) {
    top = siblings.find((branch) => branch.layer.chainId === layer.chainId);
    if (top === undefined) {
      top = { layer, images: [], children: [] };
      siblings.push(top);
    }
    siblings = top.children;
  }
  top?.images.push(...(image.names.length === 0 ? [shortId(image.id)] : image.names.map(familiarName)));
}

function documentOf({ layer, images, children }: Branch): object {
  return {
    chainId: layer.chainId,
    diffId: layer.diffId,
    digest: layer.descriptor.digest,
    unpackedBytes: layer.unpackedBytes,
    inodes: layer.inodes,
    images,
    children: children.map(documentOf),
  };
}
