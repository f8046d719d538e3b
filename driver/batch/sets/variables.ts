/** Variables in user names and passwords of set files, so that no secret need stand in one. */
import type { SetContext } from "./set-format.ts";
import type { Place } from "./yaml-fields.ts";

type Environment = SetContext["env"];

/** `${NAME}`; a lone "$" is one. @throws {StorageError} ERR_INVALID_ARGUMENT naming a variable that is not set. */
export function expandVariables(text: string, env: Environment, place: Place): string {
  return text.replace(/\$\{([^}]*)\}/g, (_, name: string) => variable(name, env, place));
}

/** As Go's templates in regsync's files have it: `{{env "NAME"}}`, and no other action. @throws as above. */
export function expandTemplates(text: string, env: Environment, place: Place): string {
  const expanded = text.replace(/\{\{-?\s*env\s+["`]([^"`]*)["`]\s*-?\}\}/g, (_, name: string) =>
    variable(name, env, place),
  );
  if (/\{\{.*\}\}/s.test(text.replace(/\{\{-?\s*env\s[^}]*\}\}/g, ""))) {
    throw place.fail('has a template; only {{env "NAME"}} is known here');
  }
  return expanded;
}

function variable(name: string, env: Environment, place: Place): string {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) throw place.fail("has ${…} around what is no name of a variable");
  const value = env[name];
  if (value === undefined) throw place.fail(`needs the variable ${name}, which is not set`);
  return value;
}
