/// Which version of a session something is: revisions counted by `generation`, steps by `step`.
///
/// Its text is what entity tags are made of: "3-120".
package struct SessionTag: Hashable, Sendable, CustomStringConvertible {
    /// At least 1.
    package let generation: Int
    /// Steps applied so far.
    package let step: Int

    package init(generation: Int, step: Int) {
        self.generation = generation
        self.step = step
    }

    /// Reads `description` back. What follows a "+" names a variant of the same version and is
    /// not looked at. Anything else, also "03-1", is no tag: nil.
    package init?(_ text: some StringProtocol) {
        let version = text.utf8.prefix { $0 != UInt8(ascii: "+") }
        let numbers = version.split(
            separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard numbers.count == 2,
            let generation = Self.number(numbers[0]), generation >= 1,
            let step = Self.number(numbers[1])
        else { return nil }
        self.init(generation: generation, step: step)
    }

    package var description: String { "\(generation)-\(step)" }

    private static func number(_ digits: some Collection<UInt8>) -> Int? {
        guard let first = digits.first,
            digits.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }),
            first != UInt8(ascii: "0") || digits.count == 1
        else { return nil }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}

/// What has to hold of the session's version for an operation to happen. It is judged when the
/// operation has its turn, so nothing comes between the judgement and the change.
package enum Precondition: Hashable, Sendable {
    /// There is a session of that name.
    case exists
    /// Its version is one of these; none ever matches an empty list.
    case isOneOf([SessionTag])
    /// It has none of these, also because there is no session of that name.
    case isNoneOf([SessionTag])
    /// There is no session of that name.
    case isAbsent
    case all([Precondition])

    /// - Parameter current: nil when there is no session.
    package func holds(for current: SessionTag?) -> Bool {
        switch self {
        case .exists: current != nil
        case .isOneOf(let tags): current.map(tags.contains) ?? false
        case .isNoneOf(let tags): !(current.map(tags.contains) ?? false)
        case .isAbsent: current == nil
        case .all(let demands): demands.allSatisfy { $0.holds(for: current) }
        }
    }
}
