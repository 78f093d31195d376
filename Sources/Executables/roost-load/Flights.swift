/// What has been asked and not answered, by numbers that come back with the answers.
///
/// A number is a place and how often it was used: found without hashing, and never taken for an earlier one. The
/// first use of all is random, so that answers to another process' numbers are those of nobody.
struct Flights<Value> {
    private struct Place {
        var use: UInt64
        var value: Value?
    }
    private static var placeBits: UInt64 { 26 }

    private var places: [Place] = []
    private var free: [Int] = []
    private let firstUse = UInt64.random(in: 0..<1 << 36)

    var count: Int { self.places.count - self.free.count }
    var isEmpty: Bool { self.count == 0 }

    /// - Precondition: fewer than 2^26 are in flight; the options allow 41 million.
    mutating func insert(_ value: Value) -> UInt64 {
        let place: Int
        if let last = self.free.popLast() {
            place = last
        } else {
            place = self.places.count
            precondition(place < 1 << Self.placeBits, "too many requests in flight")
            self.places.append(Place(use: self.firstUse, value: nil))
        }
        self.places[place].use += 1
        self.places[place].value = value
        return self.places[place].use << Self.placeBits | UInt64(place)
    }

    subscript(request: UInt64) -> Value? {
        guard let place = self.place(of: request) else { return nil }
        return self.places[place].value
    }

    mutating func remove(_ request: UInt64) -> Value? {
        guard let place = self.place(of: request), let value = self.places[place].value else { return nil }
        self.places[place].value = nil
        self.free.append(place)
        return value
    }

    private func place(of request: UInt64) -> Int? {
        let place = Int(request & (1 << Self.placeBits - 1))
        guard place < self.places.count, self.places[place].use == request >> Self.placeBits else { return nil }
        return place
    }
}
