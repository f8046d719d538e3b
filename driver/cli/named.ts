/** Names that may be of a container or of an image: the container comes first. */
import { codeOf } from "./errors.ts";

/** @throws the error of `ofImage`, worded for both when neither has the name. */
export async function containerOrImage<T>(
  name: string,
  ofContainer: () => Promise<T>,
  ofImage: () => Promise<T>,
): Promise<T> {
  try {
    return await ofContainer();
  } catch (error) {
    if (codeOf(error) !== "ERR_NOT_FOUND") throw error;
  }
  try {
    return await ofImage();
  } catch (error) {
    if (codeOf(error) !== "ERR_NOT_FOUND") throw error;
    throw Object.assign(new Error(`cannot find container or image ${name}`, { cause: error }), {
      code: "ERR_NOT_FOUND",
    });
  }
}
