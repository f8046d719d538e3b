/** Manifests of hauler: documents of `kind: Images` are read, those of other kinds become warnings. */
import type { SetDraft } from "./set-draft.ts";
import type { SetContext } from "./set-format.ts";
import { type YamlDocument, YamlFields } from "./yaml-fields.ts";

const group = "content.hauler.cattle.io/";
const platformAnnotation = "hauler.dev/platform";

export function isHauler(value: Readonly<Record<string, unknown>>): boolean {
  return typeof value["apiVersion"] === "string" && value["apiVersion"].startsWith(group);
}

export function readHauler(document: YamlDocument, draft: SetDraft, { folder }: SetContext): void {
  const top = new YamlFields(document, "a map");
  const kind = top.text("kind");
  if (kind !== "Images") {
    draft.warn(`${top.place.at("kind").toString()} is not Images: such documents are left out`);
    return;
  }
  const annotations = annotationsOf(top);
  const platform = annotations?.optionalText(platformAnnotation);
  for (const place of annotations?.others([platformAnnotation]) ?? [])
    draft.warn(`${place.toString()} is not used here`);
  for (const item of top.map("spec", "a map with images").list("images")) {
    const fields = new YamlFields(item, "a map with name");
    for (const place of fields.others(["name", "platform", "rewrite"]))
      draft.warn(`${place.toString()} is not used here`);
    const rewrite = fields.optionalText("rewrite")?.replace(/^\/+/, "");
    const wish = {
      source: fields.text("name"),
      tags: rewrite === undefined ? [] : [rewrite],
      platform: fields.optionalText("platform") ?? platform,
    };
    item.place.within(() => {
      draft.addImage(wish, folder);
    });
  }
}

function annotationsOf(top: YamlFields): YamlFields | undefined {
  const metadata = top.has("metadata") ? top.map("metadata", "a map") : undefined;
  return metadata?.has("annotations") ? metadata.map("annotations", "a map") : undefined;
}
