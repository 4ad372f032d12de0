// Tells the thread sanitizer what the slow path of Swift's Mutex does. Preloaded by Tests/sanitize.
//
// The fast path of Synchronization.Mutex is compiled into its users and hence instrumented. When
// two threads want it at once, libswiftSynchronization takes it with a futex, which the sanitizer
// does not see: it would then report every contended lock as a race. These two functions stand
// before the library's and say that the lock was taken, or given up, where it really was.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

// The sanitizer's own, in the program; absent in the other processes that this is preloaded into.
extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

#define SWIFTCALL __attribute__((swiftcall))
#define SWIFTSELF __attribute__((swift_context))
#define LOCK_SLOW "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK_SLOW "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

typedef void SWIFTCALL lock_slow_function(uint32_t thread, SWIFTSELF void *handle);
typedef void SWIFTCALL unlock_slow_function(SWIFTSELF void *handle);

// Swift: borrowing func _lockSlow(_ selfId: UInt32)
SWIFTCALL void lock_slow(uint32_t thread, SWIFTSELF void *handle) __asm__(LOCK_SLOW);
SWIFTCALL void lock_slow(uint32_t thread, SWIFTSELF void *handle)
{
    lock_slow_function *original = (lock_slow_function *)dlsym(RTLD_NEXT, LOCK_SLOW);
    original(thread, handle);
    if (__tsan_acquire) { __tsan_acquire(handle); }
}

// Swift: borrowing func _unlockSlow()
SWIFTCALL void unlock_slow(SWIFTSELF void *handle) __asm__(UNLOCK_SLOW);
SWIFTCALL void unlock_slow(SWIFTSELF void *handle)
{
    unlock_slow_function *original = (unlock_slow_function *)dlsym(RTLD_NEXT, UNLOCK_SLOW);
    if (__tsan_release) { __tsan_release(handle); }
    original(handle);
}
