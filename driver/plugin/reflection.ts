/**
 * gRPC server reflection, v1 and the v1alpha that older tools speak: which services there are, and the files that
 * describe them, each answer with all that it imports.
 */
import { createRegistry, type DescFile, type MessageInitShape, type Registry, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import {
  ServerReflection,
  type ServerReflectionRequest,
  type ServerReflectionResponseSchema,
} from "./gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "./gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { statusOf } from "./error-status.ts";
import { StorageError } from "../base/errors.ts";
import { type GrpcService, grpcService, type Route } from "./service.ts";

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;
type Question = ServerReflectionRequest["messageRequest"];

export function reflectionServices(services: readonly GrpcService[]): readonly GrpcService[] {
  const described = [...services.map(({ descriptor }) => descriptor), ServerReflection, ServerReflectionAlpha];
  const names = described.map(({ typeName }) => typeName);
  const files = new Set(described.flatMap(({ file }) => [...withImports(file)]));
  const registry = createRegistry(...files);
  const answer = (question: Question): Answer => {
    try {
      return answerTo(question, names, files, registry);
    } catch (error) {
      const { code, details } = statusOf(error);
      return { case: "errorResponse", value: { errorCode: code, errorMessage: details } };
    }
  };
  const service = grpcService(ServerReflection, {
    async *serverReflectionInfo(requests) {
      for await (const request of requests) {
        const { host, messageRequest } = request;
        yield { validHost: host, originalRequest: request, messageResponse: answer(messageRequest) };
      }
    },
  });
  // v1alpha differs in its name only.
  const routes = service.routes.map(
    (route) => ({ ...route, method: { ...route.method, parent: ServerReflectionAlpha } }) as Route,
  );
  return [service, { descriptor: ServerReflectionAlpha, routes }];
}

function answerTo(
  question: Question,
  names: readonly string[],
  files: ReadonlySet<DescFile>,
  registry: Registry,
): Answer {
  switch (question.case) {
    case "listServices":
      return { case: "listServicesResponse", value: { service: names.map((name) => ({ name })) } };
    case "fileByFilename":
      return describe(
        [...files].find(({ proto }) => proto.name === question.value),
        question.value,
      );
    case "fileContainingSymbol":
      return describe(fileOfSymbol(registry, question.value), question.value);
    case "fileContainingExtension":
    case "allExtensionNumbersOfType":
      throw new StorageError("ERR_NOT_FOUND", "cannot find extensions: proto3 messages have none");
    case undefined:
      throw new StorageError("ERR_INVALID_ARGUMENT", "cannot answer: nothing is asked");
  }
}

/** A symbol is a message, an enumeration, a service or a method of one, which stands after the last dot. */
function fileOfSymbol(registry: Registry, symbol: string): DescFile | undefined {
  const found = registry.get(symbol);
  if (found !== undefined) return found.file;
  const dot = symbol.lastIndexOf(".");
  const service = registry.getService(symbol.slice(0, Math.max(dot, 0)));
  return service?.methods.some(({ name }) => name === symbol.slice(dot + 1)) === true ? service.file : undefined;
}

function describe(file: DescFile | undefined, asked: string): Answer {
  if (file === undefined) {
    throw new StorageError("ERR_NOT_FOUND", `cannot describe ${JSON.stringify(asked)}: it is not served here`);
  }
  const fileDescriptorProto = [...withImports(file)].map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

/** `file` first, each file once. */
function withImports(file: DescFile, seen: Set<DescFile> = new Set<DescFile>()): ReadonlySet<DescFile> {
  if (!seen.has(file)) {
    seen.add(file);
    for (const dependency of file.dependencies) withImports(dependency, seen);
  }
  return seen;
}
