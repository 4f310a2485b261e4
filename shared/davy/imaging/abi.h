/* The sizes of structures and the number of the binary interface, as a library exports them. davy.imaging.native compares both
 * with Python's when it loads the library, so that a stale build never runs on structures of another shape.
 */
#ifndef DAVY_ABI_H
#define DAVY_ABI_H
#include <stdint.h>

#define DAVY_ABI 2 // raise it with every change of a signature; native.py names the same number
#define EXPORT_ABI const int32_t davy_abi = DAVY_ABI;
#define EXPORT_SIZE(name, type) const int32_t davy_sizeof_##name = sizeof(type);

#endif
