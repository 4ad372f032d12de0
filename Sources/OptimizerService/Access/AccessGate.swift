import HTTP1
import HTTPServer
import Synchronization

/// Lets requests in by their bearer tokens (RFC 6750), from the head alone.
package final class AccessGate: Sendable {
    private let table: Mutex<TokenTable>

    package init(_ table: TokenTable) {
        self.table = Mutex(table)
    }

    /// From now on these tokens are good and no others, also on connections that are open.
    package func replace(with table: TokenTable) {
        self.table.withLock { $0 = table }
    }

    func admit(_ head: RequestHead) throws(Problem) -> Principal {
        switch BearerField(head.fields.values("Authorization")) {
        case .absent: throw .unauthenticated
        case .malformed: throw .malformedAuthorization
        case .token(let text):
            guard let principal = try principal(presenting: text) else { throw .unknownToken }
            return principal
        }
    }

    private func principal(presenting text: String) throws(Problem) -> Principal? {
        guard let secret = TokenSecret(presented: text) else { return nil }
        let digest: TokenDigest
        do {
            digest = try secret.digest()
        } catch {
            throw Problem(.overBudget, "\(error)")
        }
        let current = table.withLock { $0 }
        return current.principal(with: digest)
    }
}
