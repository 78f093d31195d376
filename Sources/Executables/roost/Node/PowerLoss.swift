#if DEBUG || ROOST_CHAOS
    import ClusterModel
    import Foundation
    import Synchronization
    import WriteAheadLog

    /// The end of this process as the power would end it: what was not synced is lost, in part or whole.
    ///
    /// Of the log, any sectors of the unsynced batch may stay. Of a projection, the unsynced end of its SQLite `-wal`
    /// file goes: under `synchronous=NORMAL` that file is synced when a checkpoint begins and never at a commit, and
    /// its frames up to `nBackfillAttempted` are what checkpoints have synced and may have copied into the database
    /// (SQLite's wal.c, "WAL-index format"). Frames behind that may be lost from any point on, so the file is cut there
    /// at random. Nothing else is touched: whatever else is in the kernel's cache stays, which is legitimate too.
    struct PowerLoss {
        /// One projection's journal: where it may be cut at the earliest, and its length is only known when all else stands still.
        private struct Journal {
            let descriptor: Int32
            let index: Int32
        }

        private static let journalHeaderBytes = 32
        private static let frameHeaderBytes = 24
        private static let exitStatus: Int32 = 78

        private static let isHappening = Atomic<Bool>(false)

        /// Holds a thread that finds its disk gone and would end the process another way.
        static func holdWhoeverNotices() {
            while self.isHappening.load(ordering: .sequentiallyConsistent) { pause() }
        }

        private let journals: UnsafeMutableBufferPointer<Journal>
        private var generator: SeededGenerator

        init(dataDirectory: String, seed: UInt64) {
            let folder = dataDirectory + "/shards"
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            let journals = names.filter { $0.hasSuffix(".sqlite-wal") }.sorted().compactMap { name -> Journal? in
                let path = folder + "/" + name
                let descriptor = open(path, O_RDWR | O_CLOEXEC)
                let index = open(path.dropLast(3) + "shm", O_RDONLY | O_CLOEXEC)
                return descriptor >= 0 && index >= 0 ? Journal(descriptor: descriptor, index: index) : nil
            }
            self.journals = .allocate(capacity: journals.count)
            _ = self.journals.initialize(from: journals)
            self.generator = SeededGenerator(seed: seed)
        }

        /// From here on nothing is allocated and no lock is taken: the other threads stand still and may hold any.
        func happen() -> Never {
            Self.isHappening.store(true, ordering: .sequentiallyConsistent)
            var generator = self.generator
            let isStill = StandStill.begin()
            ChaosDisk.persistPending(&generator)
            // While a checkpoint could go on, where a journal may be cut is not known.
            if isStill {
                for journal in self.journals { Self.cut(journal, &generator) }
            }
            _exit(Self.exitStatus)
        }

        private static func cut(_ journal: Journal, _ generator: inout SeededGenerator) {
            // Not fstat: which module shows its struct depends on what else the compiler has seen.
            let size = Int(lseek(journal.descriptor, 0, SEEK_END))
            // Two copies of the index header, then nBackfill, marks and locks, then nBackfillAttempted.
            var pageBytes: UInt32 = 0
            var synced: (UInt32, UInt32) = (0, 0)
            guard size > Self.journalHeaderBytes,
                pread(journal.descriptor, &pageBytes, 4, 8) == 4, pread(journal.index, &synced.0, 4, 96) == 4,
                pread(journal.index, &synced.1, 4, 128) == 4
            else { return }
            let page = Int(UInt32(bigEndian: pageBytes))
            guard (512...65_536).contains(page) else { return }
            let kept = Self.journalHeaderBytes + Int(max(synced.0, synced.1)) * (Self.frameHeaderBytes + page)
            guard kept < size else { return }
            // Any byte will do: a frame that is torn fails its checksum, and SQLite ends the journal before it.
            let choice = generator.next()
            let cut = choice % 4 == 0 ? size : kept + Int(choice / 4 % UInt64(size - kept + 1))
            _ = ftruncate(journal.descriptor, cut)
        }
    }

    // The C library has it, and its Swift module does not show it.
    @_silgen_name("tgkill")
    private func signalThread(_ process: pid_t, _ thread: pid_t, _ signal: Int32) -> Int32

    /// Holds all other threads of this process for good, each where it is or at the end of its system call.
    private enum StandStill {
        private static let standing = Atomic<Int>(0)
        private static let signal = SIGUSR2

        /// - Returns: whether all of them stood within two seconds.
        static func begin() -> Bool {
            _ = self.standing.load(ordering: .relaxed)  // Before any handler needs it.
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { _ in
                StandStill.standing.add(1, ordering: .sequentiallyConsistent)
                while true { pause() }
            }
            sigaction(self.signal, &action, nil)
            let threads = Self.threads()
            let count = threads.reduce(0) { $0 + (signalThread(getpid(), $1, self.signal) == 0 ? 1 : 0) }
            for _ in 0..<2_000 {
                if self.standing.load(ordering: .sequentiallyConsistent) >= count { return true }
                usleep(1_000)
            }
            return false
        }

        /// Those that can be held. Kernel workers of io_uring are listed too and take no signals, and Dispatch's
        /// threads, on which Swift's tasks run, block them: neither writes to a log or a projection.
        private static func threads() -> [pid_t] {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
            let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/thread-self")) ?? ""
            return names.filter { !own.hasSuffix("/" + $0) && self.takesSignal($0) }.compactMap { pid_t($0) }
        }

        private static func takesSignal(_ thread: String) -> Bool {
            // A thread that is gone by now has no status.
            guard let status = try? String(contentsOfFile: "/proc/self/task/\(thread)/status", encoding: .utf8) else {
                return false
            }
            func value(_ key: String) -> Substring? {
                status.split(separator: "\n").first { $0.hasPrefix(key) }?.dropFirst(key.count).drop { $0 == "\t" }
            }
            guard let blocked = value("SigBlk:").flatMap({ UInt64($0, radix: 16) }) else { return false }
            return value("Name:")?.hasPrefix("iou-") != true && blocked & 1 << UInt64(self.signal - 1) == 0
        }
    }
#endif
