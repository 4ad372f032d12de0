import OptimizerEngine
import TensorFormats

/// Takes the members of one object by name; those nobody took are unknown.
package struct MemberReader {
    private let pointer: String
    private var members: [JSONMember]

    package init(_ members: [JSONMember], at pointer: String) {
        self.members = members
        self.pointer = pointer
    }

    package func finish() throws(SettingsFault) {
        guard let member = members.first else { return }
        throw SettingsFault(
            .unknownMember, at(JSONPointer.escape(member.name)), "is not known here")
    }

    package func missing(_ name: String) -> SettingsFault {
        SettingsFault(.missingMember, at(name), "is required")
    }

    package mutating func refuse(_ name: String, _ reason: String) throws(SettingsFault) {
        guard take(name) != nil else { return }
        throw SettingsFault(.invalidHyperparameter, at(name), reason)
    }

    /// - Parameter other: what may stand there too, and has been looked for.
    package mutating func object(
        _ name: String, or other: String? = nil
    ) throws(SettingsFault) -> MemberReader? {
        guard let value = take(name) else { return nil }
        guard case .object(let members) = value else {
            throw wrong(name, value, "an object" + (other.map { " or \($0)" } ?? ""))
        }
        return MemberReader(members, at: at(name))
    }

    /// Takes the member if it is there and null.
    mutating func takesNull(_ name: String) -> Bool {
        guard let index = members.firstIndex(where: { $0.name == name }),
            case .null = members[index].value
        else { return false }
        members.remove(at: index)
        return true
    }

    package mutating func objects(_ name: String) throws(SettingsFault) -> [MemberReader]? {
        guard let value = take(name) else { return nil }
        guard case .array(let elements) = value else { throw wrong(name, value, "an array") }
        var readers: [MemberReader] = []
        for (index, element) in elements.enumerated() {
            let place = "\(name)/\(index)"
            guard case .object(let members) = element else {
                throw wrong(place, element, "an object")
            }
            readers.append(MemberReader(members, at: at(place)))
        }
        return readers
    }

    package mutating func strings(_ name: String) throws(SettingsFault) -> [String]? {
        guard let value = take(name) else { return nil }
        guard case .array(let elements) = value else { throw wrong(name, value, "an array") }
        var strings: [String] = []
        for (index, element) in elements.enumerated() {
            guard case .string(let string) = element else {
                throw wrong("\(name)/\(index)", element, "a string")
            }
            strings.append(string)
        }
        return strings
    }

    package mutating func string(_ name: String) throws(SettingsFault) -> String? {
        guard let value = take(name) else { return nil }
        guard case .string(let string) = value else { throw wrong(name, value, "a string") }
        return string
    }

    package mutating func number(_ name: String) throws(SettingsFault) -> Double? {
        guard let value = take(name) else { return nil }
        guard case .number(let number) = value else { throw wrong(name, value, "a number") }
        return number
    }

    /// A whole number that has a successor.
    mutating func whole(_ name: String) throws(SettingsFault) -> Int? {
        guard let value = take(name) else { return nil }
        return try whole(value, name)
    }

    mutating func wholes(_ name: String) throws(SettingsFault) -> [Int]? {
        guard let value = take(name) else { return nil }
        guard case .array(let elements) = value else { throw wrong(name, value, "an array") }
        var numbers: [Int] = []
        for (index, element) in elements.enumerated() {
            numbers.append(try whole(element, "\(name)/\(index)"))
        }
        return numbers
    }

    private func whole(_ value: JSONValue, _ name: String) throws(SettingsFault) -> Int {
        guard case .number(let number) = value else { throw wrong(name, value, "a whole number") }
        guard let whole = Int(exactly: number), whole < .max else {
            throw SettingsFault(
                .invalidValue, at(name),
                "must be a whole number, not \(Decimal.shortest(number))")
        }
        return whole
    }

    /// `.some(nil)` for a member that is null, nil for one that is not there.
    package mutating func nullableNumber(_ name: String) throws(SettingsFault) -> Double?? {
        guard let value = take(name) else { return nil }
        switch value {
        case .null: return .some(nil)
        case .number(let number): return number
        default: throw wrong(name, value, "a number or null")
        }
    }

    package mutating func bool(_ name: String) throws(SettingsFault) -> Bool? {
        guard let value = take(name) else { return nil }
        guard case .bool(let bool) = value else { throw wrong(name, value, "a boolean") }
        return bool
    }

    package mutating func choice<Choice>(
        _ name: String, of type: Choice.Type
    ) throws(SettingsFault) -> Choice?
    where Choice: RawRepresentable<String> & CaseIterable {
        guard let word = try string(name) else { return nil }
        guard let choice = Choice(rawValue: word) else {
            let words = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw SettingsFault(.invalidValue, at(name), "must be one of \(words)")
        }
        return choice
    }

    /// The hyperparameters that are there, of whatever type; `type` is left to the caller.
    package mutating func overrides() throws(SettingsFault) -> HyperparameterOverrides {
        var overrides = HyperparameterOverrides()
        for name in HyperparameterName.allCases {
            overrides[name] = try value(name.rawValue, of: name.kind)
        }
        return overrides
    }

    private mutating func value(
        _ name: String, of kind: HyperparameterName.Kind
    ) throws(SettingsFault) -> HyperparameterValue? {
        switch kind {
        case .number: try number(name).map { .number($0) }
        case .pair: try numbers(name, 2, "two").map { .pair($0[0], $0[1]) }
        case .triple: try numbers(name, 3, "three").map { .triple($0[0], $0[1], $0[2]) }
        case .flag: try bool(name).map { .flag($0) }
        case .adjustment: try adjustment(name).map { .adjustment($0) }
        case .schedule: try schedule(name).map { .schedule($0.value) }
        }
    }

    /// Null is PyTorch's None.
    private mutating func adjustment(
        _ name: String
    ) throws(SettingsFault) -> LearningRateAdjustment? {
        takesNull(name) ? .original : try choice(name, of: LearningRateAdjustment.self)
    }

    private mutating func numbers(
        _ name: String, _ count: Int, _ word: String
    ) throws(SettingsFault) -> [Double]? {
        guard let value = take(name) else { return nil }
        guard case .array(let elements) = value, elements.count == count else {
            throw wrong(name, value, "an array of \(word) numbers")
        }
        var numbers: [Double] = []
        for (index, element) in elements.enumerated() {
            guard case .number(let number) = element else {
                throw wrong("\(name)/\(index)", element, "a number")
            }
            numbers.append(number)
        }
        return numbers
    }

    package mutating func take(_ name: String) -> JSONValue? {
        guard let index = members.firstIndex(where: { $0.name == name }) else { return nil }
        return members.remove(at: index).value
    }

    /// `name` is escaped already and may lead deeper ("params/0").
    private func at(_ name: String) -> String {
        "\(pointer)/\(name)"
    }

    private func wrong(
        _ name: String, _ value: JSONValue, _ expected: String
    ) -> SettingsFault {
        var found = value.kind
        if case .array(let elements) = value { found += " of \(elements.count)" }
        return SettingsFault(.invalidValue, at(name), "must be \(expected), not \(found)")
    }
}
