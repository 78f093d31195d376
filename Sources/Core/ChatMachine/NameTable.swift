import ChatModel
import ClusterModel

/// A name in the directory: reserved, then confirmed when its owner exists.
struct NameRecord: Hashable, Sendable, Wire {
    let owner: NameOwner
    var isConfirmed: Bool
    /// A confirmed public channel that people may browse.
    var isListed: Bool
    /// When it was reserved.
    var at: Timestamp
    /// What a user account of this name will be; nil for channels.
    var role: Role?
    /// The highest epoch of a channel's name that somebody wanted to replace by this one. A claim of an earlier
    /// epoch than the channel's can not be used any more.
    var claim: UInt64

    init(owner: NameOwner, isConfirmed: Bool, isListed: Bool, at: Timestamp, role: Role?, claim: UInt64 = 0) {
        self.owner = owner
        self.isConfirmed = isConfirmed
        self.isListed = isListed
        self.at = at
        self.role = role
        self.claim = claim
    }

    func encode(into writer: inout ByteWriter) {
        writer.write(self.owner)
        writer.write(self.isConfirmed)
        writer.write(self.isListed)
        writer.write(self.at)
        writer.write(self.role)
        if self.claim > 0 { writer.writeVariable(self.claim) }
    }
    init(from reader: inout ByteReader) throws(WireError) {
        self.init(
            owner: try reader.read(), isConfirmed: try reader.read(), isListed: try reader.read(),
            at: try reader.read(), role: try reader.readOptional(),
            claim: reader.isAtEnd ? 0 : try reader.readVariable())
    }
}

/// All names by their bytes: two texts that only look alike are two names here, on every platform alike.
struct NameTable: Sendable, Equatable {
    private var records: [[UInt8]: NameRecord] = [:]
    var isEmpty: Bool { self.records.isEmpty }
    private var reserved: Set<[UInt8]> = []
    /// Confirmed listed channels, sorted by the bytes of their names.
    private var listing: [Listed] = []
    /// Accounts, reserved or confirmed, that are or will be administrators.
    private(set) var administrators = 0
    /// How many user names look like this.
    private var skeletons: [[UInt8]: Int] = [:]

    private struct Listed: Sendable, Equatable {
        let name: [UInt8]
        let channel: ChannelID
    }

    subscript(key: [UInt8]) -> NameRecord? { self.records[key] }

    mutating func set(_ record: NameRecord?, for key: [UInt8]) {
        if let old = self.records.removeValue(forKey: key) {
            self.reserved.remove(key)
            self.countSkeleton(of: key, -1)
            if old.role == .admin { self.administrators -= 1 }
            if let place = self.listedPlace(key, old), place.isPresent { self.listing.remove(at: place.index) }
        }
        guard let record else { return }
        self.records[key] = record
        self.countSkeleton(of: key, 1)
        if !record.isConfirmed { self.reserved.insert(key) }
        if record.role == .admin { self.administrators += 1 }
        if let place = self.listedPlace(key, record), case .channel(let channel) = record.owner {
            self.listing.insert(Listed(name: Array(key.dropFirst()), channel: channel), at: place.index)
        }
    }

    /// Whether a user name, reserved or confirmed, would be taken for this one.
    func hasLookalike(ofUser name: String) -> Bool { self.skeletons[UsernameSkeleton.of(name.utf8)] != nil }

    private mutating func countSkeleton(of key: [UInt8], _ change: Int) {
        guard key.first == NameKind.user.rawValue else { return }
        let skeleton = UsernameSkeleton.of(key.dropFirst())
        let count = self.skeletons[skeleton, default: 0] + change
        self.skeletons[skeleton] = count > 0 ? count : nil
    }

    private func listedPlace(_ key: [UInt8], _ record: NameRecord) -> (index: Int, isPresent: Bool)? {
        guard record.isListed, record.isConfirmed, case .channel = record.owner else { return nil }
        return self.place(Array(key.dropFirst()))
    }

    private func place(_ name: [UInt8]) -> (index: Int, isPresent: Bool) {
        self.listing.place(of: Bytes(name)) { Bytes($0.name) }
    }

    private struct Bytes: Comparable {
        let bytes: [UInt8]
        init(_ bytes: [UInt8]) { self.bytes = bytes }
        static func < (left: Bytes, right: Bytes) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
    }

    /// Listed channels whose names begin with `prefix` and stand after `after`.
    func listed(prefix: String, after: String, limit: Int) -> [ListedChannel] {
        let prefix = Array(prefix.utf8)
        let after = Array(after.utf8)
        var start = self.place(prefix).index
        if !after.isEmpty {
            let (index, isPresent) = self.place(after)
            start = max(start, isPresent ? index + 1 : index)
        }
        return self.listing[start...].prefix { $0.name.starts(with: prefix) }.prefix(limit)
            .map { ListedChannel(name: String(decoding: $0.name, as: UTF8.self), id: $0.channel) }
    }

    /// Reserved before `time`, oldest first.
    func reserved(before time: Timestamp) -> [(UniqueName, NameOwner)] {
        self.reserved
            .compactMap { key in self.records[key].map { (key: key, record: $0) } }
            .filter { $0.record.at < time }
            .sorted { ($0.record.at, Bytes($0.key)) < ($1.record.at, Bytes($1.key)) }
            .compactMap { pair in RecordKey.name(pair.key).map { ($0, pair.record.owner) } }
    }
}
