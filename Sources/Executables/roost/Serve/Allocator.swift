import CAllocator

/// How the C library's allocator deals with a server's large buffers.
enum Allocator {
    /// Keeps freed memory for the next buffer instead of giving it back to the kernel page by page.
    ///
    /// Batches between nodes, write-ahead-log records and pages come and go hundreds of times a second. By default each
    /// one beyond 128 KiB is mapped anew, and the kernel zeroes its pages: 15 % of a loaded node's CPU (docs/performance.md).
    /// Called once, before the first thread.
    static func keepLargeBuffers() { roost_keep_freed_memory(32 << 20, 64 << 20) }
}
