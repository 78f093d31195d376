import ChatMachine
import ClusterModel
import Foundation
import GRDB

/// Why a projection could not do what it was asked. Each case says what the caller can do.
package enum ProjectionError: Error, Equatable, Sendable {
    /// The file is damaged: delete it and build it again from the log or a peer.
    case corrupt(path: String, detail: String)
    /// Its records do not make a state; the same remedy.
    case unrestorable(path: String, RestoreError)
    /// Written by a newer version: run that one.
    case unknownSchema(path: String, version: Int)
    /// The file belongs to another shard: somebody moved files about.
    case wrongShard(path: String, found: UInt16)
    /// The batch does not begin where the file ends: a bug of the caller, nothing was written.
    case notContiguous(appliedIndex: LogIndex, batch: LogIndex)
    /// The file was given up for another: ask the projection that the replica has now.
    case closed(path: String)
    /// The disk is full; nothing was written.
    case diskFull(path: String)
    /// The process has no file descriptor left; nothing was done, and later it may work.
    case noDescriptor(path: String)
    /// Anything else that SQLite says: the node can not rely on this disk.
    case storage(path: String, detail: String)

    init(_ error: any Error, path: String) {
        switch error {
        case let error as ProjectionError: self = error
        case let error as RestoreError: self = .unrestorable(path: path, error)
        case let error as WireError: self = .corrupt(path: path, detail: "\(error)")
        case let error as DatabaseError:
            switch error.resultCode {
            case .SQLITE_CORRUPT, .SQLITE_NOTADB: self = .corrupt(path: path, detail: error.description)
            case .SQLITE_FULL: self = .diskFull(path: path)
            default: self = .storage(path: path, detail: error.description)
            }
        default: self = .storage(path: path, detail: "\(error)")
        }
    }
}
