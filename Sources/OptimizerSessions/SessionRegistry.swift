/// Which sessions there are, by name. A value; the store guards it with a lock.
struct SessionRegistry {
    enum Entry {
        case session(Session)
        case quarantined(QuarantinedSession)
    }

    enum Reservation {
        /// The name belongs to the caller until it settles or gives up.
        case reserved(firstGeneration: Int)
        case taken(Entry)
        /// Somebody else is making a session of that name; the closure is kept.
        case pending
        case full
    }

    private let limit: Int
    private var entries: [String: Entry] = [:]
    /// In byte order, which for these ASCII names is the order of `String`.
    private var names: [String] = []
    /// Names of sessions in the making, and what waits for the outcome.
    private var pending: [String: [@Sendable () -> Void]] = [:]
    private(set) var retired: RetiredNames

    init(limits: SessionLimits) {
        limit = limits.sessionCount
        retired = RetiredNames(limit: limits.retiredNameCount)
    }

    var count: Int { names.count }
    var isFull: Bool { names.count + pending.count >= limit }

    var quarantinedCount: Int {
        entries.values.count { if case .quarantined = $0 { true } else { false } }
    }

    var sessions: [Session] {
        names.compactMap {
            guard case .session(let session) = entries[$0] else { return nil }
            return session
        }
    }

    subscript(name: String) -> Entry? { entries[name] }

    /// Sets a name aside for a session in the making.
    mutating func reserve(
        _ name: String, otherwise retry: @escaping @Sendable () -> Void
    ) -> Reservation {
        if let entry = entries[name] { return .taken(entry) }
        if pending[name] != nil {
            pending[name]?.append(retry)
            return .pending
        }
        guard !isFull else { return .full }
        pending[name] = []
        return .reserved(firstGeneration: retired.firstGeneration(of: name))
    }

    /// Ends a reservation, with the session that came of it or without one.
    ///
    /// - Returns: what waited for it.
    mutating func settle(_ name: String, _ session: Session?) -> [@Sendable () -> Void] {
        if let session { insert(.session(session), as: name) }
        return pending.removeValue(forKey: name) ?? []
    }

    /// Makes known what a recovery has found.
    mutating func insert(_ entry: Entry, as name: String) {
        guard entries.updateValue(entry, forKey: name) == nil else { return }
        names.insert(name, at: firstIndex(notBefore: name))
    }

    /// Forgets `session`, whose last generation that was. A younger one of its name stays.
    mutating func remove(_ session: Session, lastGeneration: Int) {
        guard case .session(let known) = entries[session.name], known === session else { return }
        remove(session.name, lastGeneration: lastGeneration)
    }

    mutating func remove(_ name: String, lastGeneration: Int) {
        guard entries.removeValue(forKey: name) != nil else { return }
        names.remove(at: firstIndex(notBefore: name))
        retired.retire(name, lastGeneration: lastGeneration)
    }

    mutating func retire(_ name: String, lastGeneration: Int) {
        retired.retire(name, lastGeneration: lastGeneration)
    }

    mutating func raiseFloor(to generation: Int) {
        retired.raiseFloor(to: generation)
    }

    /// Up to `limit` entries whose names start with one of `prefixes` and come after `name`. No
    /// others are looked at.
    ///
    /// - Parameter prefixes: in byte order and none beginning with another, so that what one of
    ///   them holds comes before what the next one holds.
    func page(
        prefixes: [String], after name: String?, limit: Int
    ) -> (entries: [(name: String, entry: Entry)], more: Bool) {
        let start = name.map { name in
            let next = firstIndex(notBefore: name)
            return next < names.count && names[next] == name ? next + 1 : next
        }
        var found: [(name: String, entry: Entry)] = []
        for prefix in prefixes {
            var index = max(firstIndex(notBefore: prefix), start ?? 0)
            while index < names.count, names[index].hasPrefix(prefix) {
                if found.count == limit { return (found, true) }
                if let entry = entries[names[index]] { found.append((names[index], entry)) }
                index += 1
            }
        }
        return (found, false)
    }

    private func firstIndex(notBefore name: String) -> Int {
        var low = 0
        var high = names.count
        while low < high {
            let middle = (low + high) / 2
            if names[middle] < name { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// A session whose files are damaged. It stays listed and can be deleted; nothing else.
struct QuarantinedSession: Sendable {
    let place: LedgerPlace
    /// In sentences.
    let fault: String
    /// No version of the session can have had a generation above this.
    let highestGeneration: Int
}
