/// The end of every way to a new session: look whether the name is taken, build, insert, and be
/// compared with whoever was faster.
struct SessionInsertion: Sendable {
    let name: String
    let precondition: Precondition?
    let store: SessionStore
    let completion: SessionCompletion<Creation>
    /// Whether the session that has the name may stand for the one that was asked for.
    let compare: @Sendable (Session) throws(SessionError) -> Creation

    func run(_ build: () throws(SessionError) -> SessionDraft) {
        do throws(SessionError) {
            if let existing = try store.find(name) {
                return completion(.success(try compare(existing)))
            }
            if let precondition, !precondition.holds(for: nil) {
                throw .preconditionFailed(expected: precondition, current: nil)
            }
            guard !store.isFull else { throw store.fullError }
            let draft = try build()
            store.insert(draft) { settle($0) }
        } catch {
            settle(.failure(error))
        }
    }

    private func settle(_ result: Result<SessionStore.Insertion, SessionError>) {
        completion(
            Result { () throws(SessionError) in
                switch result {
                case .success(.inserted(let description)):
                    return Creation(kind: .created, description: description)
                case .success(.taken(let existing)):
                    return try compare(existing)
                case .failure(let error):
                    // Room may be missing because the same request has just been faster.
                    guard case .overBudget = error, let existing = try store.find(name) else {
                        throw error
                    }
                    return try compare(existing)
                }
            })
    }
}
