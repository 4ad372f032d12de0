import HTTP1
import TensorFormats

/// The query of a request, held against the names that its route knows (API §1).
struct QueryParameters {
    private(set) var pairs: [(name: String, value: String)]

    /// A malformed or repeated parameter is 400, one outside `known` is 422.
    init(_ head: RequestHead, known: [String]) throws(Problem) {
        guard let query = head.query else {
            pairs = []
            return
        }
        do {
            pairs = try QueryString.parse(query)
        } catch {
            throw Problem(.malformedRequest, "The query is malformed at '\(error.part)'.")
        }
        var seen: Set<String> = []
        for (name, _) in pairs {
            guard seen.insert(name).inserted else {
                throw Problem(.malformedRequest, "The query parameter \"\(name)\" is repeated.")
            }
            guard known.contains(name) else {
                let choice = known.isEmpty ? "none" : known.joined(separator: ", ")
                throw Problem(
                    .unknownMember, at: "/\(JSONPointer.escape(name))",
                    "This query parameter is not known here; known: \(choice).")
            }
        }
    }

    mutating func take(_ name: String) -> String? {
        guard let index = pairs.firstIndex(where: { $0.name == name }) else { return nil }
        return pairs.remove(at: index).value
    }

    subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

    /// A whole number of the query within bounds.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let text = self[name] else { return nil }
        guard let value = Int(text), range.contains(value), text.utf8.first != 0x2B else {
            throw Problem(
                .invalidValue, at: "/\(name)",
                "This must be a whole number from \(range.lowerBound) to \(range.upperBound).")
        }
        return value
    }
}
