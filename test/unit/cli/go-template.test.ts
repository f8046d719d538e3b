import { describe, expect, it } from "vitest";
import { parseTemplate } from "../../../driver/cli/go-template.ts";

const data = {
  Name: "web",
  Size: 12,
  Off: false,
  None: null,
  Env: ["A=1", "B=2"],
  Empty: [],
  State: { Status: "running", Code: 0 },
  Labels: { b: "2", a: "1" },
};

describe("parseTemplate", () => {
  it.each([
    ["plain }} text", "plain }} text"],
    ["{{.Name}}/{{ .Size }}", "web/12"],
    ["{{.State.Status}}", "running"],
    ["{{.Env}} {{.Labels}} {{.None}} {{.Off}}", "[A=1 B=2] map[a:1 b:2] <nil> false"],
    ["{{json .State}}", '{"Status":"running","Code":0}'],
    ['{{join .Env ", "}}', "A=1, B=2"],
    ["{{.Name | upper | json}}", '"WEB"'],
    ['{{index .Labels "a"}}{{index .Env 1}}', "1B=2"],
    ["{{(index .Env 0)}} {{len .Env}}", "A=1 2"],
    ["{{range .Env}}<{{.}}>{{end}}", "<A=1><B=2>"],
    ["{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "a=1;b=2;"],
    ["{{range $e := .Env}}{{$e}}{{$.Name}} {{end}}", "A=1web B=2web "],
    ["{{range .Empty}}x{{else}}none{{end}}", "none"],
    ["{{if .Off}}on{{else if .Size}}size{{else}}off{{end}}", "size"],
    ["{{if and .Name (not .Off)}}yes{{end}}", "yes"],
    ['{{if eq .State.Status "exited" "running"}}yes{{end}}', "yes"],
    ["{{if gt .Size 11}}big{{end}}", "big"],
    ["{{with .State}}{{.Code}}{{end}}{{with .None}}x{{end}}", "0"],
    ["a {{- .Name -}} b", "awebb"],
    ['{{/* nothing */}}{{print 1 "a"}}', "1a"],
    ['{{printf "%-6s|%03d|%q" .Name .Size .Name}}', 'web   |012|"web"'],
    [
      '{{truncate .Name 2}} {{pad .Name 1 2}}| {{title "a bc"}} {{lower "X"}} {{slice .Name 1 2}}',
      "we  web  | A Bc x e",
    ],
    ['{{`raw`}}{{"}}"}}', "raw}}"],
    ['{{index (split .Name "e") 0}}', "w"],
    ["{{or .Off .Name}}{{true}}", "webtrue"],
  ])("renders %s", (template, expected) => {
    expect(parseTemplate(template).render(data)).toBe(expected);
  });

  it.each([
    ["{{.Name", "does not end"],
    ["{{if .Name}}", "lacks an {{end}}"],
    ["{{end}}", "too many"],
    ["{{frob .Name}}", 'no function "frob"'],
    ["{{constructor}}", 'no function "constructor"'],
    ["{{.Name .Size}}", "too much"],
    ["{{(.Name}}", "does not close"],
    ["{{}}", "empty action"],
    ["{{.Name | .Size}}", "no function"],
  ])("refuses %s", (template, message) => {
    expect(() => parseTemplate(template)).toThrow(message);
  });

  it.each([
    ["{{.Nope}}", "no field .Nope"],
    ["{{.constructor}}", "no field .constructor"],
    ["{{.Name.length}}", "no field .length"],
    ["{{index .Env 7}}", "element 7 of 2"],
    ["{{$x}}", "no variable $x"],
  ])("does not render %s", (template, message) => {
    expect(() => parseTemplate(template).render(data)).toThrow(message);
  });
});
