#include "args.h"

void args_read(struct args *args, napi_env env, napi_callback_info info) {
  size_t count = ARGS_MAX;
  args->env = env;
  args->fault = 0;
  args->threw = napi_get_cb_info(env, info, &count, args->values, NULL, NULL) != napi_ok;
}

static void args_fault(struct args *args, int64_t fault) {
  if (args->fault == 0) args->fault = fault;
}

static void args_throw(struct args *args, const char *message) {
  if (!args->threw) napi_throw_type_error(args->env, NULL, message);
  args->threw = true;
}

napi_value args_number(struct args *args, int64_t number) {
  napi_value value = NULL;
  if (args->threw) return NULL;
  if (number == (int32_t)number) {
    napi_create_int32(args->env, (int32_t)number, &value);
  } else {
    napi_create_int64(args->env, number, &value);
  }
  return value;
}

int64_t arg_i64(struct args *args, int index) {
  double number = 0;
  if (napi_get_value_double(args->env, args->values[index], &number) != napi_ok) {
    args_throw(args, "expected a number");
    return 0;
  }
  if (number >= -9007199254740991.0 && number <= 9007199254740991.0 && (double)(int64_t)number == number) {
    return (int64_t)number;
  }
  args_fault(args, -SYS_EINVAL);
  return 0;
}

static int64_t arg_range(struct args *args, int index, int64_t low, int64_t high) {
  int64_t number = arg_i64(args, index);
  if (number >= low && number <= high) return number;
  args_fault(args, -SYS_EINVAL);
  return low;
}

int arg_int(struct args *args, int index) {
  return (int)arg_range(args, index, INT32_MIN, INT32_MAX);
}

uint32_t arg_u32(struct args *args, int index) {
  return (uint32_t)arg_range(args, index, 0, UINT32_MAX);
}

uint64_t arg_u64(struct args *args, int index) {
  return (uint64_t)arg_range(args, index, 0, INT64_MAX);
}

uint32_t arg_id(struct args *args, int index) {
  return (uint32_t)arg_range(args, index, -1, (int64_t)UINT32_MAX - 1);
}

struct bytes arg_bytes(struct args *args, int index) {
  napi_typedarray_type type = napi_float64_array;
  struct bytes bytes = {NULL, 0};
  void *data = NULL;
  size_t length = 0;
  napi_status status =
      napi_get_typedarray_info(args->env, args->values[index], &type, &length, &data, NULL, NULL);
  if (status != napi_ok || type != napi_uint8_array) {
    args_throw(args, "expected a Uint8Array");
    return bytes;
  }
  bytes.data = data;
  bytes.length = length;
  return bytes;
}

struct bytes arg_slice(struct args *args, int array, int offset, int length) {
  struct bytes bytes = arg_bytes(args, array);
  uint64_t from = arg_u64(args, offset);
  uint64_t count = arg_u64(args, length);
  if (from > bytes.length || count > bytes.length - from) {
    args_fault(args, -SYS_EINVAL);
    return bytes;
  }
  bytes.data += from;
  bytes.length = count;
  return bytes;
}

double *arg_doubles(struct args *args, int index, size_t count) {
  napi_typedarray_type type = napi_uint8_array;
  void *data = NULL;
  size_t length = 0;
  napi_status status =
      napi_get_typedarray_info(args->env, args->values[index], &type, &length, &data, NULL, NULL);
  if (status == napi_ok && type == napi_float64_array && length >= count) return data;
  args_throw(args, "expected a Float64Array of the right length");
  return NULL;
}

const char *arg_path(struct args *args, int index, char buffer[PATH_SIZE]) {
  size_t length = 0;
  void *data = NULL;
  napi_status status = napi_get_value_string_utf8(args->env, args->values[index], buffer, PATH_SIZE, &length);
  if (status == napi_ok) {
    /* Longer text is cut at a whole character, up to four bytes before the end of the buffer. */
    size_t whole = length;
    if (length + 4 >= PATH_SIZE) {
      status = napi_get_value_string_utf8(args->env, args->values[index], NULL, 0, &whole);
      if (status != napi_ok || whole != length) length = PATH_SIZE;
    }
  } else {
    napi_typedarray_type type = napi_float64_array;
    status = napi_get_typedarray_info(args->env, args->values[index], &type, &length, &data, NULL, NULL);
    if (status != napi_ok || type != napi_uint8_array) {
      args_throw(args, "expected a path: a string or a Uint8Array");
      length = 0;
    }
  }
  if (length >= PATH_SIZE) {
    args_fault(args, -SYS_ENAMETOOLONG);
    length = 0;
  }
  for (size_t i = 0; i < length; i++) {
    if (data != NULL) buffer[i] = ((const char *)data)[i];
    if (buffer[i] == 0) args_fault(args, -SYS_EINVAL);
  }
  buffer[length] = 0;
  return buffer;
}

const char *arg_path_or_null(struct args *args, int index, char buffer[PATH_SIZE]) {
  napi_valuetype type = napi_undefined;
  if (napi_typeof(args->env, args->values[index], &type) == napi_ok && type == napi_null) return NULL;
  return arg_path(args, index, buffer);
}
