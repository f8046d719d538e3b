import type { Digest } from "../base/digest.ts";
import { type JsonFields, maxJsonBytes } from "./json.ts";
import { type Platform, platformFrom } from "./platform.ts";

/** Reference to content (image-spec descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly urls?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
}

// RFC 6838 4.2: restricted names.
const mediaTypePattern = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/** A descriptor as it stands in a document. `data` is ignored: content always comes from where the digest is proven. */
export function descriptorFrom(fields: JsonFields): Descriptor {
  const mediaType = fields.string("mediaType");
  if (!mediaTypePattern.test(mediaType)) throw fields.invalid("mediaType", "is not a media type");
  const urls = fields.optionalStrings("urls", 1000);
  const annotations = fields.optionalStringMap("annotations");
  const platform = fields.optionalObject("platform");
  return {
    mediaType,
    digest: fields.digest("digest"),
    size: fields.size("size"),
    ...(urls && { urls }),
    ...(annotations && { annotations }),
    ...(platform && { platform: platformFrom(platform) }),
  };
}

/** A descriptor of a document to be parsed: its size is bounded too. */
export function documentDescriptorFrom(fields: JsonFields): Descriptor {
  const descriptor = descriptorFrom(fields);
  if (descriptor.size > maxJsonBytes) throw fields.invalid("size", `is more than ${maxJsonBytes} bytes`);
  return descriptor;
}

/** The fields in the order that the specification lists them, so that equal descriptors encode to equal bytes. */
export function orderedDescriptor(descriptor: Descriptor): Descriptor {
  const { mediaType, digest, size, urls, annotations, platform } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...(urls && { urls }),
    ...(annotations && { annotations }),
    ...(platform && { platform }),
  };
}
