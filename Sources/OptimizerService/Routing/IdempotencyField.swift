import HTTP1
import HTTPServer
import OptimizerSessions

/// The `Idempotency-Key` of a request, and the fingerprint that ties it to its content (API §4).
enum IdempotencyField {
    static let limitBytes = 128

    /// The key's text; nil without the field. Quotes around it are optional.
    static func key(_ head: RequestHead) throws(Problem) -> String? {
        let values = head.fields.values("Idempotency-Key")
        guard let value = values.first else { return nil }
        var text = value[...]
        if text.utf8.count >= 2, text.first == "\"", text.last == "\"" {
            text = text.dropFirst().dropLast()
        }
        let isVisible = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 }
        guard values.count == 1, isVisible, (1...limitBytes).contains(text.utf8.count) else {
            throw Problem(
                .malformedRequest,
                "An Idempotency-Key is one text of 1 to \(limitBytes) visible ASCII characters, "
                    + "with or without quotes around it.")
        }
        return String(text)
    }
}

/// The fingerprint of a request in the making: SHA-256 over all that says what it asks for.
///
/// `@unchecked Sendable`: it is fed on the connection's loop, and read once the body is whole.
final class RequestFingerprint: @unchecked Sendable {
    private let text: String
    private var digest: ContentDigest?
    private var result: [UInt8]?

    /// nil without a key.
    init?(key text: String?, _ head: RequestHead) throws(Problem) {
        guard let text else { return nil }
        self.text = text
        do {
            var digest = try ContentDigest()
            digest.update(head.path)
            digest.update(head.query ?? "")
            digest.update(head.fields.combined("Content-Type") ?? "")
            digest.update(head.fields.combined("Tensor-Dtype") ?? "")
            self.digest = consume digest
        } catch {
            throw Problem(.overBudget, "\(error)")
        }
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
        digest?.update(bytes)
    }

    /// The key with the fingerprint of everything that came.
    func finish() throws(Problem) -> IdempotencyKey {
        do {
            if result == nil { result = try digest.take()?.finish() }
        } catch {
            throw Problem(.overBudget, "\(error)")
        }
        return IdempotencyKey(text: text, fingerprint: result ?? [])
    }
}
