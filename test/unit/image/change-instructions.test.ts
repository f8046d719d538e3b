import { describe, expect, it } from "vitest";
import { applyChanges, type RawContainerConfig } from "../../../driver/image/change-instructions.ts";

function changed(config: RawContainerConfig, ...changes: readonly string[]): unknown {
  return applyChanges(config, changes);
}

const env = { Env: ["PATH=/bin", "A=1"] };

describe("applyChanges", () => {
  it.each<[string, RawContainerConfig, readonly string[], unknown]>([
    ["CMD in shell form", {}, ["CMD node app.js"], { Cmd: ["/bin/sh", "-c", "node app.js"] }],
    ["CMD in exec form", {}, ['CMD ["node", "app.js"]'], { Cmd: ["node", "app.js"] }],
    [
      "CMD with the image's shell",
      { Shell: ["/bin/ash", "-e"] },
      ["CMD ls"],
      { Shell: ["/bin/ash", "-e"], Cmd: ["/bin/ash", "-e", "ls"] },
    ],
    [
      "CMD keeps quotes and variables for the shell",
      {},
      [`CMD echo "$A"  'b'`],
      { Cmd: ["/bin/sh", "-c", `echo "$A"  'b'`] },
    ],
    ["a broken array is for the shell", {}, ["CMD [a, b]"], { Cmd: ["/bin/sh", "-c", "[a, b]"] }],
    ["names in any case", {}, ['cmd ["a"]'], { Cmd: ["a"] }],
    ["ENTRYPOINT drops the Cmd of before", { Cmd: ["x"] }, ['ENTRYPOINT ["y"]'], { Entrypoint: ["y"] }],
    [
      "ENTRYPOINT keeps a CMD beside it",
      { Cmd: ["x"] },
      ['CMD ["z"]', 'ENTRYPOINT ["y"]'],
      { Cmd: ["z"], Entrypoint: ["y"] },
    ],
    [
      "ENTRYPOINT [] clears and the command stays",
      { Entrypoint: ["y"], Cmd: ["x"] },
      ["ENTRYPOINT []"],
      { Entrypoint: [], Cmd: ["x"] },
    ],
    ["ENV sets several", env, ["ENV B=2 C='x y' D=\"z w\""], { Env: ["PATH=/bin", "A=1", "B=2", "C=x y", "D=z w"] }],
    ["ENV in the old form", env, ["ENV B two words"], { Env: ["PATH=/bin", "A=1", "B=two words"] }],
    ["ENV replaces in place", env, ["ENV PATH=$PATH:/opt"], { Env: ["PATH=/bin:/opt", "A=1"] }],
    [
      "ENV reads braces",
      env,
      ["ENV B=${A}0 C=${X:-none} D=${A:+set} E=\\$A F='$A'"],
      { Env: [...env.Env, "B=10", "C=none", "D=set", "E=$A", "F=$A"] },
    ],
    ["ENV keeps escaped blanks", {}, ["ENV B=a\\ b"], { Env: ["B=a b"] }],
    ["ENV sees what was before the line", env, ["ENV A=2 B=$A"], { Env: ["PATH=/bin", "A=2", "B=1"] }],
    [
      "EXPOSE",
      { ExposedPorts: { "1/tcp": {} } },
      ["EXPOSE 80 443/TCP 53/udp 8000-8002"],
      {
        ExposedPorts: {
          "1/tcp": {},
          "80/tcp": {},
          "443/tcp": {},
          "53/udp": {},
          "8000/tcp": {},
          "8001/tcp": {},
          "8002/tcp": {},
        },
      },
    ],
    [
      "LABEL",
      { Labels: { a: "1" } },
      [`LABEL a=2 "b c"="d \\"e\\"" f=`],
      { Labels: { a: "2", "b c": 'd "e"', f: "" } },
    ],
    ["LABEL in the old form", {}, ["LABEL note all of this"], { Labels: { note: "all of this" } }],
    ["ONBUILD", { OnBuild: ["RUN a"] }, ["ONBUILD RUN echo  $A"], { OnBuild: ["RUN a", "RUN echo  $A"] }],
    ["USER", env, ["USER app:$A"], { ...env, User: "app:1" }],
    [
      "VOLUME",
      { Volumes: { "/a": {} } },
      ["VOLUME /b /c", 'VOLUME ["/d e"]'],
      { Volumes: { "/a": {}, "/b": {}, "/c": {}, "/d e": {} } },
    ],
    ["WORKDIR from the root", { WorkingDir: "" }, ["WORKDIR app"], { WorkingDir: "/app" }],
    [
      "WORKDIR from the old one",
      { WorkingDir: "/srv" },
      ["WORKDIR app", "WORKDIR ../lib/"],
      { WorkingDir: "/srv/lib" },
    ],
    ["STOPSIGNAL", {}, ["STOPSIGNAL SIGQUIT"], { StopSignal: "SIGQUIT" }],
    ["HEALTHCHECK NONE", {}, ["HEALTHCHECK NONE"], { Healthcheck: { Test: ["NONE"] } }],
    [
      "HEALTHCHECK CMD",
      {},
      ["HEALTHCHECK --interval=1m30s --timeout=1.5s --retries=2 CMD curl -f localhost || exit 1"],
      {
        Healthcheck: { Test: ["CMD-SHELL", "curl -f localhost || exit 1"], Interval: 90e9, Timeout: 1.5e9, Retries: 2 },
      },
    ],
    ["HEALTHCHECK in exec form", {}, ['HEALTHCHECK CMD ["true"]'], { Healthcheck: { Test: ["CMD", "true"] } }],
    ["several lines in one", {}, ["USER a\n# not this\n\nWORKDIR \\\n  /b"], { User: "a", WorkingDir: "/b" }],
    ["unknown fields stay", { Weird: { x: 1 } }, ["USER a"], { Weird: { x: 1 }, User: "a" }],
  ])("%s", (_name, config, changes, expected) => {
    expect(changed(config, ...changes)).toEqual(expected);
  });

  it.each([
    ["RUN ls", "RUN is not a valid change command"],
    ["ADD a /b", "ADD is not a valid change command"],
    ["copy a /b", "COPY is not a valid change command"],
    ["FROM x", "FROM is not a valid change command"],
    ['SHELL ["x"]', "SHELL is not a valid change command"],
    ["constructor x", "CONSTRUCTOR is not a valid change command"],
    ["ENV A", "ENV: it must have two arguments"],
    ["ENV", "ENV: it has no arguments"],
    ["ENV A=1 B", 'there is no = in "B"'],
    ["ENV =1", "a name is empty"],
    ['ENV A="x', "no second double quote"],
    ["ENV A=${B", "not a variable"],
    ['ENV A="${B:?is missing}"', "B is missing"],
    ["CMD", "CMD: it needs an argument"],
    ["CMD [1]", "not all of [1] are strings"],
    ["EXPOSE 70000", '"70000" is not a port'],
    ["EXPOSE 80/icmp", "is not a port"],
    ["EXPOSE 9-8", "is not a port"],
    ["USER a b", "exactly one argument"],
    ["VOLUME []", "a volume needs a path"],
    ["STOPSIGNAL 99", "is not a signal"],
    ["HEALTHCHECK CMD", "no command after CMD"],
    ["HEALTHCHECK --interval=3 CMD x", "--interval is a duration"],
    ["HEALTHCHECK RUN x", "NONE or CMD"],
    ["ONBUILD ONBUILD RUN x", "ONBUILD is not allowed"],
    ["ONBUILD FROM x", "FROM is not allowed"],
  ])("refuses %j", (change, message) => {
    expect(() => applyChanges(env, [change])).toThrow(message);
  });

  it("keeps keys that JavaScript has a meaning for", () => {
    const { Labels } = applyChanges({}, ["LABEL __proto__=x constructor=y"]) as { Labels: object };
    expect(Object.entries(Labels)).toEqual([
      ["__proto__", "x"],
      ["constructor", "y"],
    ]);
  });
});
