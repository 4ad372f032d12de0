extension String {
    /// The text as a JSON document.
    package func parsedAsJSON(
        limits: FormatLimits = FormatLimits()
    ) throws(JSONFault) -> JSONValue {
        try Array(utf8).parsedAsJSON(limits: limits)
    }
}

extension [UInt8] {
    /// The bytes as a JSON document.
    package func parsedAsJSON(
        limits: FormatLimits = FormatLimits()
    ) throws(JSONFault) -> JSONValue {
        let result = withUnsafeBytes { bytes in
            Result { () throws(JSONFault) in try JSONValue.parse(bytes, limits: limits) }
        }
        return try result.get()
    }
}
