/// A name compared and hashed by its UTF-8 bytes. Swift's own String equality calls two
/// spellings of `é` equal; on the wire they are two names.
package struct ExactName: Hashable, Comparable, Sendable {
    package let text: String

    package init(_ text: String) {
        self.text = text
    }

    package static func == (left: ExactName, right: ExactName) -> Bool {
        var (left, right) = (left.text, right.text)
        return left.withUTF8 { mine in
            right.withUTF8 { other in mine.count == other.count && mine.elementsEqual(other) }
        }
    }

    package static func < (left: ExactName, right: ExactName) -> Bool {
        left.text.utf8.lexicographicallyPrecedes(right.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
