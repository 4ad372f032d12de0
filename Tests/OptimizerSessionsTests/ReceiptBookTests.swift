import SeededChance
import SystemIO
import Testing

@testable import OptimizerSessions

@Suite struct ReceiptBookTests {
    private func receipt(
        _ step: Int, at seconds: Int64 = 0, key: String? = nil, generation: Int = 1,
        applied: Bool = true, lr: Double = 0.5
    ) -> StepReceipt {
        StepReceipt(
            tag: SessionTag(generation: generation, step: step), applied: applied,
            gradNorm: Double(step), clipCoef: 1, loss: step % 2 == 0 ? nil : Double(step),
            rates: LearningRates([("default", lr)]), time: WallTime(seconds: seconds),
            key: key.map { .sample($0) })
    }

    private func step(of state: ReceiptBook.KeyState) -> Int? {
        guard case .done(let receipt) = state else { return nil }
        return receipt.step
    }

    private func name(of state: ReceiptBook.KeyState) -> String {
        switch state {
        case .unknown: "unknown"
        case .inProgress: "in progress"
        case .done: "done"
        }
    }

    @Test func recentReceiptsAreKept() {
        var book = ReceiptBook()
        for step in 1...5000 {
            book.add(receipt(step))
            #expect(book.count == min(step, ReceiptBounds.recentCount))
        }
        for step in [5000, 4999, 5001 - ReceiptBounds.recentCount] {
            #expect(book.receipt(step: step, generation: nil)?.gradNorm == Double(step))
        }
        for step in [0, 1, 5000 - ReceiptBounds.recentCount, 5001] {
            #expect(book.receipt(step: step, generation: nil) == nil)
        }
    }

    @Test func aReceiptIsFoundByStepAndGeneration() {
        var book = ReceiptBook()
        book.add(receipt(1))
        book.add(receipt(2))
        book.add(receipt(2, applied: false))
        book.add(receipt(1, generation: 2))
        #expect(book.receipt(step: 1, generation: nil)?.tag.generation == 2)
        #expect(book.receipt(step: 1, generation: 1)?.tag.generation == 1)
        #expect(book.receipt(step: 2, generation: nil)?.applied == true)
        #expect(book.receipt(step: 2, generation: 2) == nil)
    }

    /// A schedule that changes the learning rates of many groups in each step costs memory, and
    /// that is counted; rates that stay are there once.
    @Test func ratesAreCounted() {
        let groups = 1000
        func receipt(_ step: Int, lr: Double) -> StepReceipt {
            StepReceipt(
                tag: SessionTag(generation: 1, step: step), applied: true, gradNorm: 1,
                clipCoef: 1, loss: nil,
                rates: LearningRates((0..<groups).map { ("g\($0)", lr) }),
                time: WallTime(seconds: 0), key: nil)
        }
        let tuple = MemoryLayout<(group: String, lr: Double)>.stride
        var (steady, changing) = (ReceiptBook(), ReceiptBook())
        let recent = ReceiptBounds.recentCount
        for step in 1...3 * recent {
            steady.add(receipt(step, lr: 0.5))
            changing.add(receipt(step, lr: Double(step)))
        }
        let receipts = recent * 2 * MemoryLayout<StepReceipt>.stride
        #expect(steady.byteCount < receipts + 2 * groups * tuple)
        #expect(changing.byteCount >= recent * groups * tuple)
        // What was counted for a receipt goes with it.
        for step in 3 * recent + 1...5 * recent { changing.add(receipt(step, lr: 0.5)) }
        for step in 3 * recent + 1...5 * recent { steady.add(receipt(step, lr: 0.25)) }
        #expect(changing.byteCount == steady.byteCount)
    }

    /// Names of groups are there once, however many tables of rates a file has.
    @Test func ratesThatWereReadShareTheirNames() throws {
        var book = ReceiptBook()
        let name = String(repeating: "group", count: 20)
        for step in 1...3 {
            book.add(
                StepReceipt(
                    tag: SessionTag(generation: 1, step: step), applied: true, gradNorm: 1,
                    clipCoef: 1, loss: nil, rates: LearningRates([(name, Double(step))]),
                    time: WallTime(seconds: 0), key: nil))
        }
        var writer = ByteWriter()
        book.write(to: &writer)
        var reader = ByteReader(writer.bytes[...])
        let read = try ReceiptBook(from: &reader)
        var addresses: Set<UInt> = []
        for step in 1...3 {
            let receipt = try #require(read.receipt(step: step, generation: nil))
            var group = receipt.rates.byGroup[0].group
            let address = group.withUTF8 { UInt(bitPattern: $0.baseAddress) }
            addresses.insert(address)
        }
        #expect(addresses.count == 1)
    }

    @Test func aKeyIsClaimedOnce() {
        var book = ReceiptBook()
        #expect(name(of: book.claim("k")) == "unknown")
        #expect(name(of: book.claim("k")) == "in progress")
        #expect(name(of: book.state(of: "k")) == "in progress")
        #expect(name(of: book.claim("other")) == "unknown")
        book.release("k")
        #expect(name(of: book.state(of: "k")) == "unknown")
        #expect(name(of: book.claim("k")) == "unknown")
        book.add(receipt(1, key: "k"))
        #expect(name(of: book.claim("k")) == "done")
        // A claim is over with its receipt; letting go of it again takes nothing away.
        book.release("k")
        #expect(step(of: book.state(of: "k")) == 1)
        #expect(name(of: book.claim("other")) == "in progress")
    }

    /// By the time of the records: a key is known for a day, and for as long as its receipt is
    /// among the recent ones.
    @Test func keysAreKeptForADay() {
        let day = Int64(ReceiptBounds.keySeconds)
        var book = ReceiptBook()
        book.add(receipt(1, at: 0, key: "old"))
        book.add(receipt(2, at: 10, key: "young"))
        for step in 3...3000 { book.add(receipt(step, at: 20)) }
        #expect(step(of: book.state(of: "old")) == 1)
        #expect(book.count == 3000)
        book.add(receipt(3001, at: day - 1))
        #expect(step(of: book.state(of: "old")) == 1)
        book.add(receipt(3002, at: day))
        #expect(name(of: book.state(of: "old")) == "unknown")
        #expect(step(of: book.state(of: "young")) == 2)
        book.add(receipt(3003, at: day + 10))
        #expect(name(of: book.state(of: "young")) == "unknown")
        #expect(book.count == ReceiptBounds.recentCount)
        book.add(receipt(3004, at: 10 * day, key: "recent"))
        book.add(receipt(3005, at: 20 * day))
        #expect(step(of: book.state(of: "recent")) == 3004)
    }

    @Test func thereIsALimit() {
        var book = ReceiptBook()
        let more = 1500
        for step in 1...ReceiptBounds.limit + more { book.add(receipt(step, key: "k\(step)")) }
        #expect(book.count == ReceiptBounds.limit)
        #expect(name(of: book.state(of: "k\(more)")) == "unknown")
        #expect(step(of: book.state(of: "k\(more + 1)")) == more + 1)
        #expect(step(of: book.state(of: "k\(ReceiptBounds.limit + more)")) != nil)
    }

    /// A key that was forgotten and used again belongs to its later step.
    @Test func aForgottenKeyCanBeUsedAgain() {
        var book = ReceiptBook()
        let day = Int64(ReceiptBounds.keySeconds)
        book.add(receipt(1, at: 0, key: "k"))
        // Both lives of the key are in the book at once when two requests share it.
        book.add(receipt(2, at: 0, key: "k"))
        for step in 3...2000 { book.add(receipt(step, at: day - 1)) }
        #expect(step(of: book.state(of: "k")) == 2)
        book.add(receipt(2001, at: 2 * day))
        #expect(name(of: book.claim("k")) == "unknown")
        book.add(receipt(2002, at: 2 * day, key: "k"))
        #expect(step(of: book.state(of: "k")) == 2002)
    }

    /// Whatever the clock does, recent receipts stay, the limit holds, and what is found under a
    /// key is its receipt.
    @Test(arguments: 1...4)
    func theClockMayJump(_ seed: UInt64) throws {
        var dice = SplitMix(seed: seed)
        var book = ReceiptBook()
        let day = Int64(ReceiptBounds.keySeconds)
        let jumps: [Int64] = [0, 1, -1, day, -day, 40 * day, -40 * day, .max, .min]
        var now: Int64 = 0
        for step in 1...6000 {
            if step % 50 == 0 {
                let jump = jumps.randomElement(using: &dice) ?? 0
                now = Bool.random(using: &dice) ? jump : now &+ jump
            }
            let key = step % 3 == 0 ? "k\(step)" : nil
            book.add(receipt(step, at: now, key: key))
            #expect(book.count >= min(step, ReceiptBounds.recentCount))
            #expect(book.count <= ReceiptBounds.limit)
            for earlier in [step, step - 300, step - 3000] where earlier > 0 && earlier % 3 == 0 {
                let found = self.step(of: book.state(of: "k\(earlier)"))
                #expect(found == earlier || (found == nil && step - earlier > 1000))
            }
        }
        try expectSame(book, try coded(book))
    }

    private func coded(_ book: ReceiptBook) throws -> ReceiptBook {
        var writer = ByteWriter()
        book.write(to: &writer)
        var reader = ByteReader(writer.bytes)
        let read = try ReceiptBook(from: &reader)
        #expect(reader.isAtEnd)
        return read
    }

    private func expectSame(_ one: ReceiptBook, _ other: ReceiptBook) throws {
        var (first, second) = (ByteWriter(), ByteWriter())
        one.write(to: &first)
        other.write(to: &second)
        #expect(first.bytes == second.bytes && one.count == other.count)
    }

    @Test func writingAndReading() throws {
        var book = ReceiptBook()
        for step in 1...3000 {
            let lr = step % 10 == 0 ? -0.0 : 0.0
            book.add(
                receipt(
                    step, at: Int64(-step), key: step % 7 == 0 ? "ключ \(step)" : nil,
                    generation: step / 100 + 1, applied: step % 5 != 0, lr: lr))
        }
        let read = try coded(book)
        try expectSame(book, read)
        #expect(step(of: read.state(of: "ключ 2996")) == 2996)
        let receipt = try #require(read.receipt(step: 2999, generation: nil))
        #expect(receipt.loss == 2999 && receipt.time == WallTime(seconds: -2999))
        #expect(receipt.tag.generation == 30 && receipt.key == nil)
        #expect(try coded(ReceiptBook()).count == 0)
    }

    /// Receipts that agree in their learning rates share them, in the file and in memory.
    @Test func equalRatesAreHeldOnce() throws {
        var writer = ByteWriter()
        var book = ReceiptBook()
        for step in 1...100 { book.add(receipt(step, lr: 0.25)) }
        book.write(to: &writer)
        #expect(writer.bytes.count < 100 * 60)
        let read = try coded(book)
        let first = try #require(read.receipt(step: 1, generation: nil))
        #expect(read.receipt(step: 100, generation: nil)?.rates === first.rates)
    }
}
