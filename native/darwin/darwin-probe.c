/*
 * Darwin's sizes and constants that MacOwnPages and PosixMemory write down; this file does not compile where Apple's
 * headers differ. A test of core reads these lines and compares them with the Java constants.
 */
#include <fcntl.h>
#include <mach/mach.h>
#include <mach/mach_vm.h>
#include <sys/mman.h>
#include <unistd.h>

#define CONSTANT(name, value) _Static_assert((name) == (value), #name)
#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)

/* fcntl(2), open(2), mmap(2), sysconf(3) */
CONSTANT(O_RDONLY, 0);
CONSTANT(O_CLOEXEC, 0x1000000);
CONSTANT(F_NOCACHE, 48);
CONSTANT(PROT_READ, 1);
CONSTANT(PROT_WRITE, 2);
CONSTANT(MAP_SHARED, 1);
CONSTANT(MAP_PRIVATE, 2);
CONSTANT(MAP_FIXED, 0x10);
CONSTANT(MAP_ANON, 0x1000);
CONSTANT(MAP_NORESERVE, 0x40);
CONSTANT(_SC_PAGESIZE, 29);

/* mach/vm_statistics.h, mach/vm_inherit.h, mach/kern_return.h */
CONSTANT(VM_FLAGS_FIXED, 0);
CONSTANT(VM_FLAGS_OVERWRITE, 0x4000);
CONSTANT(VM_INHERIT_NONE, 2);
CONSTANT(KERN_SUCCESS, 0);

/* The arguments of mach_vm_remap. */
SIZE(kern_return_t, 4);
SIZE(vm_map_t, 4);
SIZE(mach_vm_address_t, 8);
SIZE(mach_vm_size_t, 8);
SIZE(mach_vm_offset_t, 8);
SIZE(boolean_t, 4);
SIZE(vm_prot_t, 4);
SIZE(vm_inherit_t, 4);
SIZE(off_t, 8);
SIZE(size_t, 8);

/* That it has these arguments, in this order. */
kern_return_t (*const darwin_probe_remap)(vm_map_t, mach_vm_address_t *, mach_vm_size_t, mach_vm_offset_t, int, vm_map_t,
    mach_vm_address_t, boolean_t, vm_prot_t *, vm_prot_t *, vm_inherit_t) = mach_vm_remap;
