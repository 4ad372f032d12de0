import ArgumentParser

/// What a number among the settings may be. The upper ends lie beyond every machine's reach and
/// below where arithmetic on them would overflow.
struct SettingBounds: Sendable {
    let range: ClosedRange<Int>

    static let count = SettingBounds(range: 1...1 << 31)
    /// Of bodies and of memory, and a second's share of a body.
    static let bytes = SettingBounds(range: 1...1 << 50)
    /// Of a request's head, all of which is held at once.
    static let headBytes = SettingBounds(range: 1...1 << 30)
    /// Up to a year.
    static let seconds = SettingBounds(range: 1...365 * 86_400)
    static let rate = SettingBounds(range: 0...1_000_000)
    static let delay = SettingBounds(range: 0...86_400)
    static let retainedSteps = SettingBounds(range: 0...1_000_000_000)
    static let threads = SettingBounds(range: 1...1024)

    /// The parser puts the value and the option's name before the error's sentence.
    func read(_ text: String) throws -> Int {
        guard let number = Int(text), range.contains(number) else {
            throw SettingError(
                "it must be a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }
}

extension Option where Value == Int {
    init(wrappedValue: Int, _ bounds: SettingBounds, help: String) {
        self.init(
            wrappedValue: wrappedValue, help: "\(help) (default: \(wrappedValue))",
            transform: { try bounds.read($0) })
    }
}

extension Option where Value == Int? {
    /// For settings whose default depends on the machine.
    init(_ bounds: SettingBounds, help: String) {
        self.init(help: "\(help)", transform: { try bounds.read($0) })
    }
}
