// Package nowait makes system calls that don't wait, and doesn't tell Go's scheduler of them. It is for Linux.
//
// Before any other system call the scheduler sees to it that its monitor is awake, for the call may take long. The
// monitor sleeps when the whole process does, so that a request which comes alone has to wake it; then it
// looks around every 20 µs for a while. For a small READ that was a quarter of the CPU time.
//
// The processor does nothing else during a call, and no garbage collection begins. That is why they are of
// [Most] bytes at most, and of what doesn't wait whatever state a descriptor is in. Writes to files aren't: there, a frozen
// file system is waited for before anybody looks whether the caller wants to wait.
package nowait

// Most is how much a caller may have moved at once. It takes some 10 µs.
const Most = 64 << 10
