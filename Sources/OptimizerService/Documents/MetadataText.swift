import TensorFormats

/// JSON text inside a safetensors file's `__metadata__`, whose values can only be strings.
enum MetadataText {
    static func object(
        _ text: String, named name: String, limits: FormatLimits
    ) throws(Problem) -> [JSONMember] {
        let pointer = JSONPointer.of(TensorName.reserved, name)
        let value: JSONValue
        do {
            value = try text.parsedAsJSON(limits: limits)
        } catch {
            throw Problem(.malformedJSON, at: pointer, "At byte \(error.offset): \(error.reason)")
        }
        guard case .object(let members) = value else {
            throw Problem(.invalidValue, at: pointer, "This must be the text of a JSON object.")
        }
        return members
    }
}
