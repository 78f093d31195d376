import ArgumentParser
import PeerTransport

/// `roost key`: the one secret that all nodes of a cluster share.
struct KeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Make a cluster key, or tell keys apart.",
        subcommands: [KeyNew.self, KeyFingerprint.self])
}

struct KeyNew: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "new", abstract: "Make a cluster key.",
        discussion: "Prints it, or with --out writes it to a new file of mode 0600 and prints its fingerprint.")

    @Option(help: "The file to write; it must not exist.")
    var out: String?

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let key = ClusterKey.generate()
        guard let out = self.out else {
            return print(self.json ? "{\"key\":\"\(key.text)\",\"fingerprint\":\"\(key.fingerprint)\"}" : key.text)
        }
        do {
            try key.save(out)
        } catch {
            complain("roost: \(error)")
            throw ExitCode(1)
        }
        print(self.json ? "{\"fingerprint\":\"\(key.fingerprint)\"}" : key.fingerprint)
    }
}

struct KeyFingerprint: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fingerprint", abstract: "Print what tells a key from another, and says nothing of it.")

    @Argument(help: "A key file of mode 0600.")
    var file: String

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let key: ClusterKey
        do {
            key = try ClusterKey.load(self.file)
        } catch {
            complain("roost: \(error)")
            // A file that others may read is a mistake of whoever gave it, as an unknown option is.
            if case .exposed = error { throw ExitCode(2) }
            throw ExitCode(1)
        }
        print(self.json ? "{\"fingerprint\":\"\(key.fingerprint)\"}" : key.fingerprint)
    }
}
