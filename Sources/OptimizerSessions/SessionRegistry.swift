/// Which sessions there are, by name. A value; the store guards it with a lock.
struct SessionRegistry {
    enum Insertion {
        case inserted
        case taken(Session)
        case full
    }

    private let limit: Int
    private var sessions: [String: Session] = [:]
    /// In byte order, which for these ASCII names is the order of `String`.
    private var names: [String] = []
    private var retired: RetiredNames

    init(limits: SessionLimits) {
        limit = limits.sessionCount
        retired = RetiredNames(limit: limits.retiredNameCount)
    }

    var count: Int { names.count }
    var isFull: Bool { names.count >= limit }

    func session(named name: String) -> Session? {
        sessions[name]
    }

    /// Makes `session` known, with its first generation, when its name is free.
    mutating func insert(_ session: Session) -> Insertion {
        let name = session.name
        if let existing = sessions[name] { return .taken(existing) }
        guard !isFull else { return .full }
        session.begin(at: retired.firstGeneration(of: name))
        sessions[name] = session
        names.insert(name, at: firstIndex(notBefore: name))
        return .inserted
    }

    /// Forgets `session`, whose last generation that was. A younger one of its name stays.
    mutating func remove(_ session: Session, lastGeneration: Int) {
        guard sessions[session.name] === session else { return }
        sessions[session.name] = nil
        names.remove(at: firstIndex(notBefore: session.name))
        retired.retire(session.name, lastGeneration: lastGeneration)
    }

    /// Up to `limit` sessions whose names start with `prefix` and come after `name`.
    func page(
        prefix: String, after name: String?, limit: Int
    ) -> (sessions: [Session], more: Bool) {
        var index = firstIndex(notBefore: prefix)
        if let name {
            let next = firstIndex(notBefore: name)
            index = max(index, next < names.count && names[next] == name ? next + 1 : next)
        }
        var found: [Session] = []
        while index < names.count, names[index].hasPrefix(prefix) {
            if found.count == limit { return (found, true) }
            if let session = sessions[names[index]] { found.append(session) }
            index += 1
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
