/// What a user name looks like at a glance: names of one skeleton are taken for each other by people.
///
/// Names are ASCII by the gateway's rule; other bytes are left as they are.
enum UsernameSkeleton {
    /// `0` as `o`, `1` as `l`, then `rn` as `m` and `vv` as `w`.
    static func of(_ name: some Sequence<UInt8>) -> [UInt8] {
        var skeleton: [UInt8] = []
        for byte in name {
            switch byte {
            case UInt8(ascii: "0"): skeleton.append(UInt8(ascii: "o"))
            case UInt8(ascii: "1"): skeleton.append(UInt8(ascii: "l"))
            case UInt8(ascii: "n") where skeleton.last == UInt8(ascii: "r"):
                skeleton[skeleton.count - 1] = UInt8(ascii: "m")
            case UInt8(ascii: "v") where skeleton.last == UInt8(ascii: "v"):
                skeleton[skeleton.count - 1] = UInt8(ascii: "w")
            default: skeleton.append(byte)
            }
        }
        return skeleton
    }
}
