import OptimizerService
import SystemIO

/// The file of tokens, and the gate that goes by it.
struct TokenSource: Sendable {
    let path: String
    let gate: AccessGate
    /// How many there were at the start.
    let tokenCount: Int

    init(_ path: String) throws(SettingError) {
        self.path = path
        let table = try Self.table(path)
        gate = AccessGate(table)
        tokenCount = table.count
    }

    /// Puts the tokens that the file has now in the place of the others. A file that cannot be
    /// used changes nothing: a slip of the hand must neither open the service nor shut it.
    ///
    /// - Returns: how many tokens there are now.
    func reload() throws(SettingError) -> Int {
        let table = try Self.table(path)
        gate.replace(with: table)
        return table.count
    }

    /// Everybody may read the file: what it holds lets nobody in. Who may write it can let
    /// themselves in, so only its owner may.
    private static func table(_ path: String) throws(SettingError) -> TokenTable {
        let file: OperatorFile
        do {
            file = try OperatorFile(path, limitBytes: TokenFile.limitBytes)
        } catch {
            throw SettingError("The file of tokens, \(path), \(error).")
        }
        guard !file.permissions.letOthersWrite else {
            throw SettingError(
                "The file of tokens, \(path), can be written by others than its owner, who could "
                    + "let themselves in; take that away: chmod go-w \(path)")
        }
        do {
            return try TokenFile.parse(file.bytes)
        } catch {
            throw SettingError("The file of tokens, \(path), cannot be used: \(error).")
        }
    }
}
