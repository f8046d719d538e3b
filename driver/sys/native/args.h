/*
 * Reading the arguments of a JavaScript call, with every length and range checked here, once.
 *
 * The first fault is remembered and wins: a value the system call could not hold as -errno, which the function then
 * returns; a value of the wrong type as a pending TypeError. Readers return something harmless after a fault.
 */
#ifndef LAMINATE_ARGS_H
#define LAMINATE_ARGS_H

#include <stdbool.h>
#define NAPI_VERSION 8
#include <node_api.h>

#include "sys.h"

enum { ARGS_MAX = 7, PATH_SIZE = 4096 };

struct args {
  napi_env env;
  napi_value values[ARGS_MAX];
  int64_t fault;
  bool threw;
};

struct bytes {
  uint8_t *data;
  size_t length;
};

void args_read(struct args *args, napi_env env, napi_callback_info info);

napi_value args_number(struct args *args, int64_t number);

/* A whole number of a double's exact range. */
int64_t arg_i64(struct args *args, int index);

int arg_int(struct args *args, int index);

uint32_t arg_u32(struct args *args, int index);

uint64_t arg_u64(struct args *args, int index);

/* A user or group id; -1 leaves it as it is, and its unsigned spelling is nobody's id. */
uint32_t arg_id(struct args *args, int index);

struct bytes arg_bytes(struct args *args, int index);

/* `length` bytes of an array from `offset` on, both given by JavaScript. */
struct bytes arg_slice(struct args *args, int array, int offset, int length);

double *arg_doubles(struct args *args, int index, size_t count);

/* A string as UTF-8, or bytes as they are, with a NUL put behind. */
const char *arg_path(struct args *args, int index, char buffer[PATH_SIZE]);

const char *arg_path_or_null(struct args *args, int index, char buffer[PATH_SIZE]);

#endif
