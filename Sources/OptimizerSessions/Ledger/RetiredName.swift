/// What remains of a deleted session; without a name, of many.
struct RetiredName: Hashable {
    let session: String
    let lastGeneration: Int

    private static let mark = "@retired-"

    init(session: String, lastGeneration: Int) {
        self.session = session
        self.lastGeneration = lastGeneration
    }

    var text: String { "\(session)\(Self.mark)\(lastGeneration)" }

    init?(_ text: String) {
        guard let at = text.firstIndex(of: "@"), text[at...].hasPrefix(Self.mark),
            let last = Int(text[at...].dropFirst(Self.mark.count)), last >= 1,
            last <= DataDirectory.highestNumber
        else { return nil }
        session = String(text[..<at])
        lastGeneration = last
        guard session.isEmpty || SessionName.isValid(session) else { return nil }
    }
}
