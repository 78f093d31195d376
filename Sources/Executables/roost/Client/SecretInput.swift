import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where a password comes from: a file of mode 0600, or the terminal with its echo off.
enum SecretInput {
    /// The first line of a file that nobody else may read.
    static func file(_ path: String) throws(ClientFailure) -> String {
        var facts = stat()
        guard stat(path, &facts) == 0 else {
            throw .file(path: path, reason: String(cString: strerror(errno)))
        }
        guard facts.st_mode & 0o077 == 0 else {
            throw .file(path: path, reason: "readable by others; a secret's file must have mode 0600")
        }
        guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8)
        else { throw .file(path: path, reason: "cannot be read as UTF-8 text") }
        guard let line = text.split(whereSeparator: \.isNewline).first, !line.isEmpty else {
            throw .file(path: path, reason: "holds no secret")
        }
        return String(line)
    }

    /// Asks on the terminal itself, so that it works while standard input is a pipe.
    static func terminal(prompt: String) throws(ClientFailure) -> String {
        let terminal = open("/dev/tty", O_RDWR | O_CLOEXEC)
        guard terminal >= 0 else {
            throw .file(path: "/dev/tty", reason: "no terminal to ask for the password; use --password-file")
        }
        defer { close(terminal) }
        var saved = termios()
        guard tcgetattr(terminal, &saved) == 0 else {
            throw .file(path: "/dev/tty", reason: String(cString: strerror(errno)))
        }
        var silent = saved
        silent.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(terminal, TCSAFLUSH, &silent)
        defer { tcsetattr(terminal, TCSAFLUSH, &saved) }

        let handle = FileHandle(fileDescriptor: terminal, closeOnDealloc: false)
        handle.write(Data(prompt.utf8))
        defer { handle.write(Data("\n".utf8)) }
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while read(terminal, &byte, 1) == 1, byte != UInt8(ascii: "\n"), bytes.count < 4_096 { bytes.append(byte) }
        guard !bytes.isEmpty else { throw .file(path: "/dev/tty", reason: "no password was typed") }
        return String(decoding: bytes, as: UTF8.self)
    }
}
