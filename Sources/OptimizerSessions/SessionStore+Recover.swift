import Dispatch
import Synchronization
import SystemIO

extension SessionStore {
    /// Looks what there is to rebuild; where that is nothing, the store can be used at once.
    ///
    /// - Throws: when the directory itself cannot be read.
    package func prepareRecovery() throws(DataDirectoryFault) -> Recovery {
        guard let archive else { return Recovery(places: []) }
        for fault in try JournalRedo(archive.directory).run() {
            archive.note(.journalLeftUnread(fault))
        }
        let inventory: DataDirectory.Inventory
        do {
            inventory = try archive.directory.inventory()
            try rememberRetired(inventory.retired, archive)
        } catch {
            throw .unusable(path: archive.directory.path, error)
        }
        for place in inventory.superseded { archive.note(.superseded(path: place.path)) }
        recovery.begin(total: inventory.places.count)
        if inventory.places.isEmpty { recovery.finish() }
        return Recovery(places: inventory.places)
    }

    /// The sessions that there are to rebuild.
    package struct Recovery: Sendable {
        fileprivate let places: [LedgerPlace]

        package var isEmpty: Bool { places.isEmpty }
    }

    /// Rebuilds every session from its snapshot and log, several at once, and returns when all
    /// are there. What is damaged is quarantined; the others go on.
    ///
    /// - Parameter onProgress: called from any thread after each session, with the number of those
    ///   that are done and of all.
    package func recover(
        _ found: Recovery, onProgress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) {
        guard let archive else { return }
        let places = found.places
        let next = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: min(Machine.cores, places.count)) { _ in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index < places.count else { return }
                recover(places[index], archive)
                recovery.countOne()
                if let (done, total) = recovery.underWay { onProgress(done, total) }
            }
        }
        recovery.finish()
    }

    private func recover(_ place: LedgerPlace, _ archive: Archive) {
        do throws(LedgerFault) {
            guard let found = try LedgerRecovery(place, archive, context).run() else {
                return archive.note(.unfinishedCreation(session: place.session))
            }
            let session = Session(found.draft, context: context, book: found.book)
            session.resume(at: place.firstGeneration, found.log)
            // Receipts that there were are kept also where the budget has become smaller.
            try? session.makeReceiptRoom(
                for: nil, groupCount: session.state?.optimizer.groups.count ?? 0)
            registry.withLock { $0.insert(.session(session), as: place.session) }
            archive.note(.recovered(session: place.session, found.tally))
            if found.needsSnapshot { session.snapshot { _ in } }
        } catch {
            let quarantined = QuarantinedSession(
                place: place, fault: error.sentences,
                highestGeneration: LedgerRecovery.highestGeneration(place))
            registry.withLock { $0.insert(.quarantined(quarantined), as: place.session) }
            archive.note(.quarantined(session: place.session, error))
        }
    }

    /// Every retired name is remembered, up to the limit; for the rest there is the floor.
    private func rememberRetired(_ names: [RetiredName], _ archive: Archive) throws(Errno) {
        let named = names.filter { !$0.session.isEmpty }
        let excess = named.prefix(max(0, named.count - limits.retiredNameCount))
        let floors = names.filter(\.session.isEmpty)
        let floor = (floors + excess).map(\.lastGeneration).max() ?? 0
        if let highest = excess.map(\.lastGeneration).max() {
            try archive.directory.raiseFloor(to: max(highest, floor))
            for name in excess { archive.forget(name) }
        }
        registry.withLock { registry in
            registry.raiseFloor(to: floor)
            for name in named.dropFirst(excess.count) {
                registry.retire(name.session, lastGeneration: name.lastGeneration)
            }
        }
        for name in named.dropFirst(excess.count) { archive.clear(name) }
    }

    /// Takes a snapshot of every session that has changed since its last one, so that the next
    /// start replays nothing; stops when `deadline` has passed.
    package func snapshotAll(until deadline: Instant) {
        for session in registry.withLock({ $0.sessions }) where session.durability == .log {
            guard MonotonicClock.now() < deadline else { break }
            let done = DispatchSemaphore(value: 0)
            session.snapshotIfOutdated { _ in done.signal() }
            _ = done.wait(timeout: deadline.dispatchTime)
        }
        archive?.settle(until: deadline)
    }
}

extension Session {
    /// Takes over where an earlier process stopped.
    fileprivate func resume(at firstGeneration: Int, _ log: SessionLog) {
        let generation = state?.generation ?? firstGeneration
        begin(at: firstGeneration)
        state?.generation = generation
        self.log = log
        if let state { publish(recovered: state) }
    }
}
