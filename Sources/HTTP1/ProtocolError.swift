/// Why a request could not be understood. It is answered, and then the connection closes: after a
/// framing error nobody knows where the next request begins.
package struct ProtocolError: Error, Equatable, Sendable {
    package let code: ProtocolErrorCode
    /// What is wrong and how to mend it, as one sentence for a person.
    package let detail: String
    /// The limit that was passed, in the unit that `detail` names.
    package let limit: Int?

    package var status: Status { code.status }

    init(_ code: ProtocolErrorCode, _ detail: String, limit: Int? = nil) {
        self.code = code
        self.detail = detail
        self.limit = limit
    }

    static func malformed(_ detail: String) -> ProtocolError {
        ProtocolError(.malformedRequest, detail)
    }
}

/// The raw values are the `code` strings of problem documents.
package enum ProtocolErrorCode: String, Sendable, CaseIterable {
    case malformedRequest = "malformed-request"
    case uriTooLong = "uri-too-long"
    case expectationFailed = "expectation-failed"
    case fieldsTooLarge = "fields-too-large"
    case notImplemented = "not-implemented"
    case versionNotSupported = "version-not-supported"

    package var status: Status {
        switch self {
        case .malformedRequest: .badRequest
        case .uriTooLong: .uriTooLong
        case .expectationFailed: .expectationFailed
        case .fieldsTooLarge: .fieldsTooLarge
        case .notImplemented: .notImplemented
        case .versionNotSupported: .versionNotSupported
        }
    }
}
