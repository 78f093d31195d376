import ClusterModel
import Testing

@testable import ChatModel

@Suite struct LoggedBatchTests {
    private static func commands(_ count: Int, seed: UInt64) -> [LoggedCommand] {
        var values = ValueGenerator(seed: seed)
        return (0..<count).map { _ in LoggedCommand(at: values.time(), command: values.command(.postMessage)) }
    }

    private static func read(_ bytes: [UInt8]) throws(WireError) -> [LoggedCommand] {
        var places = LoggedCommandPlaces(bytes)
        var commands: [LoggedCommand] = []
        while let place = try places.next() { commands.append(try LoggedCommand(encoded: bytes, in: place)) }
        return commands
    }

    @Test(arguments: [1, 2, 3, 40])
    func `what went in comes out, in its order`(count: Int) throws {
        let commands = Self.commands(count, seed: UInt64(count))
        var batch = LoggedBatch(reservingCapacity: 64)
        for logged in commands {
            let isTaken = batch.append(.command(logged), bytesMax: .max)
            #expect(isTaken)
        }
        #expect(batch.count == count)
        #expect(try Self.read(batch.bytes) == commands)
        // The layout, for ever.
        var layout: [UInt8] = [0x80]
        for command in commands.map(\.encoded) {
            let length: [UInt8] = [UInt8(command.count & 0xFF), UInt8(command.count >> 8), 0, 0]
            layout += length
            layout += command
        }
        #expect(batch.bytes == layout)
    }

    @Test func `one command alone is an entry as it stands`() throws {
        let logged = Self.commands(1, seed: 5)[0]
        #expect(try Self.read(logged.encoded) == [logged])
        #expect(logged.encoded.first != LoggedBatch.schemaVersion)
    }

    @Test func `it takes no more than its bytes, but any first command`() throws {
        let commands = Self.commands(3, seed: 7)
        let frames = commands.map { $0.encoded.count + 4 }
        var batch = LoggedBatch(reservingCapacity: 0)
        let bytesMax = 1 + frames[0] + frames[1]
        let taken = commands.map { batch.append(.command($0), bytesMax: bytesMax) }
        #expect(taken == [true, true, false])
        #expect(batch.count == 2 && batch.bytes.count == bytesMax)
        #expect(try Self.read(batch.bytes) == Array(commands[..<2]))
        var large = LoggedBatch(reservingCapacity: 0)
        let isTaken = large.append(.command(commands[0]), bytesMax: 10)
        #expect(isTaken)
        #expect(try Self.read(large.bytes) == [commands[0]])
    }

    @Test func `damaged bytes are commands or an error, and never a trap`() throws {
        var batch = LoggedBatch(reservingCapacity: 0)
        for logged in Self.commands(4, seed: 11) { _ = batch.append(.command(logged), bytesMax: .max) }
        var values = ValueGenerator(seed: 12)
        var refused = 0
        for _ in 0..<5_000 {
            var bytes = batch.bytes
            for _ in 0...values.number(3) {
                bytes[Int(values.number(UInt64(bytes.count)))] = UInt8(values.number(256))
            }
            if values.number(2) == 0 { bytes.removeLast(Int(values.number(UInt64(bytes.count)))) }
            do {
                _ = try Self.read(bytes)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 1_000)
        #expect(try Self.read([]).isEmpty && Self.read([LoggedBatch.schemaVersion]).isEmpty)
    }

    @Test func `a post in the midst of an entry is read as one alone`() throws {
        let user = UserID(high: 1, low: 2)
        let commands = (0..<3).map { number in
            LoggedCommand(
                at: Timestamp(milliseconds: Int64(number)),
                command: .postMessage(
                    ChannelID(high: 5, low: 6), MessageContent(text: "text \(number)", clientID: nil, thread: nil),
                    by: Actor(user: user, role: .member, session: SessionID(high: 3, low: 4)),
                    IdempotencyKey(user: user, key: "k\(number)", fingerprint: 1)))
        }
        var batch = LoggedBatch(reservingCapacity: 0)
        for logged in commands { _ = batch.append(.command(logged), bytesMax: .max) }
        var places = LoggedCommandPlaces(batch.bytes)
        for logged in commands {
            let place = try #require(try places.next())
            let post = try #require(LoggedPost(encoded: batch.bytes, in: place))
            let alone = try #require(LoggedPost(encoded: logged.encoded))
            #expect(post.at == logged.at)
            #expect(
                post.event(seq: 1, at: .zero, of: batch.bytes) == alone.event(seq: 1, at: .zero, of: logged.encoded))
            #expect(LoggedPost(encoded: batch.bytes, in: place.lowerBound..<place.upperBound - 1) == nil)
        }
        #expect(try places.next() == nil)
    }
}
