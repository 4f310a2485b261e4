// Export the sizes of structures and the ABI number. davy.imaging.native compares both with Python's when it loads a library,
// so that a stale build never runs on structures of another shape.
#pragma once
#include <stdint.h>

#define DAVY_ABI 3 // raise it with every change of a signature; native.py has the same number
#define EXPORT_ABI const int32_t davy_abi = DAVY_ABI;
#define EXPORT_SIZE(type) const int32_t davy_sizeof_##type = sizeof(type);
