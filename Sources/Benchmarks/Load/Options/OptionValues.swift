/// Option values by name; each is taken once.
struct OptionValues {
    private var values: [String: String] = [:]

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let name = rest.popFirst() {
            guard name.hasPrefix("-"), let value = rest.popFirst() else {
                throw UsageError(description: "\(name) needs a value; see --help")
            }
            guard values.updateValue(value, forKey: name) == nil else {
                throw UsageError(description: "\(name) is given twice")
            }
        }
    }

    mutating func endpoint(_ name: String) throws -> Endpoint {
        guard let endpoint = try optionalEndpoint(name) else {
            throw UsageError(description: "\(name) is required; see --help")
        }
        return endpoint
    }

    mutating func optionalEndpoint(_ name: String) throws -> Endpoint? {
        guard let text = values.removeValue(forKey: name) else { return nil }
        guard let endpoint = Endpoint(text) else {
            throw UsageError(description: "\(name) must look like http://127.0.0.1:8080/livez")
        }
        return endpoint
    }

    mutating func count(_ name: String, default standard: Int) throws -> Int {
        try optionalCount(name) ?? standard
    }

    mutating func optionalCount(_ name: String, atMost most: Int = 100_000_000) throws -> Int? {
        guard let text = values.removeValue(forKey: name) else { return nil }
        guard let value = Int(text), (1...most).contains(value) else {
            throw UsageError(description: "\(name) must be a whole number from 1 to \(most)")
        }
        return value
    }

    mutating func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, default standard: Choice
    ) throws -> Choice where Choice.RawValue == String {
        guard let text = values.removeValue(forKey: name) else { return standard }
        guard let choice = Choice(rawValue: text) else {
            let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw UsageError(description: "\(name) must be one of \(words)")
        }
        return choice
    }

    func refuseOthers() throws {
        guard let name = values.keys.min() else { return }
        throw UsageError(description: "unknown option \(name); see --help")
    }
}

struct UsageError: Error, CustomStringConvertible {
    let description: String
}
