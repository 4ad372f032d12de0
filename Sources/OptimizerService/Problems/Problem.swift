import HTTP1
import HTTPServer
import TensorFormats

/// An error as it is answered: a problem document (RFC 9457) in the making.
///
/// What is the same for every request (title, status, `retryable`) comes from the code; what
/// belongs to one request (`instance`, `request_id`) is added when the response is made.
package struct Problem: Error, Sendable {
    package let code: ProblemCode
    /// What went wrong and how to mend it, in a sentence for the person who reads it.
    package let detail: String
    package var errors: [FieldError] = []
    package var members: [Member] = []
    /// What the status asks the answer to say beside: `Allow` (RFC 9110 §15.5.6),
    /// `WWW-Authenticate` (§15.5.2), `Accept` and its kin (§15.5.16).
    package var fields: [Field] = []
    /// Whether the same request may succeed later without being changed.
    package var isRetryable: Bool

    /// One place in the request that is at fault, by JSON pointer (RFC 6901).
    package struct FieldError: Sendable {
        package let pointer: String
        package let detail: String
    }

    /// A machine-readable fact beside the detail: `limit`, `actual`, `expected`, `current`.
    package struct Member: Sendable {
        package enum Value: Sendable {
            case integer(Int)
            case text(String)
        }
        package let name: String
        package let value: Value
    }

    package struct Field: Sendable, Equatable {
        package let name: StaticString
        package let value: String

        package static func == (left: Field, right: Field) -> Bool {
            left.name.description == right.name.description && left.value == right.value
        }
    }

    package init(_ code: ProblemCode, _ detail: String) {
        self.code = code
        self.detail = detail
        isRetryable = code.isRetryable
    }

    /// A problem at one place in the body or the query.
    package init(_ code: ProblemCode, at pointer: String, _ detail: String) {
        self.init(code, detail)
        errors = [FieldError(pointer: pointer, detail: detail)]
    }

    package func with(_ name: String, _ value: Int) -> Problem {
        var copy = self
        copy.members.append(Member(name: name, value: .integer(value)))
        return copy
    }

    package func with(_ name: String, _ value: String) -> Problem {
        var copy = self
        copy.members.append(Member(name: name, value: .text(value)))
        return copy
    }

    /// With a field of the answer that says what would have been taken.
    func saying(_ name: StaticString, _ value: String) -> Problem {
        var copy = self
        copy.fields.append(Field(name: name, value: value))
        return copy
    }

    /// The response that carries this problem, for the request of `context` at `instance`.
    package func response(instance: String?, requestID: String) -> Response {
        var fields = ResponseFields()
        fields.add("Content-Type", "application/problem+json")
        fields.add("Vary", Vary.coding)
        for field in self.fields { fields.add(field.name, field.value) }
        if let seconds = code.retryAfterSeconds {
            fields.add("Retry-After", String(seconds))
        }
        let body = document(instance: instance, requestID: requestID)
        var response = Response(status: code.status, fields: fields, body: .bytes(body))
        response.code = code.rawValue
        return response
    }

    private func document(instance: String?, requestID: String) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.member("type", "/openapi.yaml#\(code.rawValue)")
        json.member("title", code.title)
        json.member("status", code.status.code)
        json.member("detail", detail)
        if let instance { json.member("instance", instance) }
        json.member("code", code.rawValue)
        json.member("retryable", isRetryable)
        json.member("request_id", requestID)
        for member in members {
            switch member.value {
            case .integer(let value): json.member(member.name, value)
            case .text(let value): json.member(member.name, value)
            }
        }
        json.name("errors")
        json.beginArray()
        for error in errors {
            json.beginObject()
            json.member("pointer", error.pointer)
            json.member("detail", error.detail)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.bytes
    }
}

extension Problem {
    static func bodyTooLarge(limit: Int, actual: UInt64? = nil) -> Problem {
        let problem = Problem(.bodyTooLarge, "A body here may have at most \(limit) bytes.")
            .with("limit", limit)
        return actual.map { problem.with("actual", Int(clamping: $0)) } ?? problem
    }
}
