import ChatModel
// The standard library's own normaliser, by which its `==` compares texts. Foundation's goes by an older Unicode: two
// names that are equal to `==` stay different there.
@_spi(_Unicode) import Swift

/// Names as people see them: one spelling for what is one to the eye, and nothing that shows nothing.
package enum NameText {
    /// What is longer can be no name, however it is composed: three times the bytes are the most that composing saves.
    private static let bytesMax = 4 * FormLimits.displayNameBytesMax

    /// In the composed form (NFC), in which names are taken in, kept and looked for.
    ///
    /// - Returns: `text` itself when it is too long for a name: composing takes more than linear time.
    package static func composed(_ text: String) -> String {
        guard text.utf8.count <= Self.bytesMax, !text.utf8.allSatisfy({ $0 < 0x80 }) else {
            return text
        }
        var scalars = String.UnicodeScalarView()
        for scalar in text._nfc { scalars.append(scalar) }
        return String(scalars)
    }

    /// What names are told apart by: their letters without case, one space for each gap, and no joiners and variation
    /// selectors, which many screens leave out.
    ///
    /// By way of upper case, since letters that have one upper case are one letter: `ß` and `ss`, `σ` and `ς`; and that
    /// by way of lower case, since `ẞ` is its own upper case.
    package static func folded(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        var isInGap = false
        for scalar in Self.composed(text).lowercased().uppercased().lowercased().unicodeScalars {
            let isGap = scalar.properties.isWhitespace
            defer { isInGap = isGap }
            if isGap, isInGap { continue }
            guard scalar != Self.joiner, scalar != Self.emojiSelector else { continue }
            scalars.append(isGap ? " " : scalar)
        }
        return Self.composed(String(scalars))
    }

    // MARK: What shows nothing

    private static let joiner: Unicode.Scalar = "\u{200D}"
    private static let emojiSelector: Unicode.Scalar = "\u{FE0F}"
    private static let blackFlag: Unicode.Scalar = "\u{1F3F4}"
    private static let tags: ClosedRange<Unicode.Scalar> = "\u{E0020}"..."\u{E007F}"

    /// Whether there is anything in it that shows nothing or turns the direction of other people's text. Inside of emoji
    /// sequences joiners and the selector of the coloured form do show.
    ///
    /// - Parameter tagsShow: whether tags behind a black flag show the flag of a part of a country, as Scotland's; in names
    ///   they do not, since not every screen can.
    package static func hasInvisible(_ text: String, tagsShow: Bool = false) -> Bool {
        let scalars = Array(text.unicodeScalars)
        return scalars.indices.contains { index in
            let before = index > 0 ? scalars[index - 1] : nil
            let after = index + 1 < scalars.count ? scalars[index + 1] : nil
            switch scalars[index] {
            case Self.joiner:
                return
                    !((before.map { Self.isEmoji($0) || $0 == Self.emojiSelector } ?? false)
                    && (after.map { Self.isEmoji($0) } ?? false))
            case Self.emojiSelector:
                // Digits are emoji with a keycap only.
                return
                    !(before.map { Self.isEmoji($0) || ($0.properties.isEmoji && after == "\u{20E3}") }
                    ?? false)
            case let scalar where tagsShow && Self.tags.contains(scalar):
                return scalars.first != Self.blackFlag
            case let scalar: return Self.isInvisible(scalar)
            }
        }
    }

    private static func isEmoji(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isEmoji && !scalar.isASCII
    }

    /// Controls, separators of lines, what Unicode lets be ignored (joiners, fillers, marks of direction, tags, variation
    /// selectors), and the letters that are blank by design.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        // Ends and separators of lines; a blank of Braille; anchors of annotations; a note without a head.
        case 0..<0x20, 0x7F..<0xA0, 0x2028...0x2029, 0x2800, 0xFFF9...0xFFFB, 0x1D159: true
        default:
            scalar.properties.isDefaultIgnorableCodePoint || scalar.properties.isNoncharacterCodePoint
        }
    }
}
