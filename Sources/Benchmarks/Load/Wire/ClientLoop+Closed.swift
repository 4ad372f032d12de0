import SystemIO

/// Every connection asks again as soon as it is answered.
extension ClientLoop {
    /// - Returns: answers per second of the given time.
    func rate(forNanoseconds length: UInt64) throws -> Double {
        let seconds = Double(length) / 1e9
        let schedule = Schedule(.closed, seconds: seconds)
        var counted = 0
        try run(schedule) { _, _, end in
            if end <= schedule.end { counted += 1 }
        }
        return Double(counted) / seconds
    }

    /// Asks so often in all, and waits for every answer.
    ///
    /// - Returns: how many answers each connection had.
    func answers(to count: Int) throws -> [Int] {
        var answers = [Int](repeating: 0, count: connectionCount)
        try run(Schedule(limit: count)) { connection, _, _ in answers[connection] += 1 }
        return answers
    }
}
